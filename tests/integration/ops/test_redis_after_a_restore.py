"""After a restore Redis says nothing of the time before, and nothing of anybody else's is touched."""

from __future__ import annotations

from dataclasses import replace

import pytest
import redis

from core.wakeup.keys import Keys
from ops.backup.leftover_keys import drop_keys
from tests.support.processes.servers import settings_for

OTHERS = {"session:1", "other:hf:feed", "celery"}


@pytest.mark.parametrize("prefix", ["", "one:"])
def test_only_keys_of_this_installation_are_dropped(redis_url: str, prefix: str) -> None:
    settings = replace(settings_for("postgresql://nobody@nowhere/none", redis_url), redis_keys=Keys(prefix))
    keys = settings.redis_keys
    ours = {keys.relay_bell, keys.lane_bell(3), keys.feed_memory("abc"), keys.queue("lanes")}
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        for key in ours | OTHERS:
            client.set(key, "1")
        assert drop_keys(settings) == len(ours)
        assert {str(key) for key in client.scan_iter()} == OTHERS


def test_a_redis_that_is_away_stops_nothing() -> None:
    assert drop_keys(settings_for("postgresql://nobody@nowhere/none", "redis://127.0.0.1:1/0")) is None
