"""All checks, as `holdfast doctor` shows and `migrate` runs them."""

from __future__ import annotations

from core.doctor import mail_templates, outside, postgresql, redis_server
from core.doctor.findings import Examination, together
from core.doctor.stores import examine_stores
from core.settings import Settings

CHECKS = (*postgresql.TABLE, *redis_server.TABLE, *outside.TABLE, *mail_templates.TABLE)
"""Every check there is."""


def examine_all(settings: Settings) -> Examination:
    parts = [examine_stores(settings), outside.examine_outside(settings)]
    return together([*parts, mail_templates.examine_mail_templates(settings)])
