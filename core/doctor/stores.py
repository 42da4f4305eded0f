"""The checks of PostgreSQL and Redis, for every start. This imports nothing for services outside."""

from __future__ import annotations

from core.doctor.findings import Examination, together
from core.doctor.postgresql import examine_database
from core.doctor.redis_server import examine_redis
from core.settings import Settings


def examine_stores(settings: Settings) -> Examination:
    return together([examine_database(settings), examine_redis(settings)])
