"""What the notifier's log says of where it is in the feed."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from core.store.feed import renew_epoch
from tests.support.engine.lanes import Pipeline
from tests.support.notifier import running_notifier
from tests.support.wait import wait_until

TOLD = {"feed opened", "feed begins", "feed begins anew"}


@pytest.mark.parametrize("restored", [False, True])
def test_a_first_start_begins_and_only_a_restored_feed_begins_anew(
    pipeline: Pipeline, redis_url: str, *, restored: bool
) -> None:
    with capture_logs() as logs, running_notifier(pipeline.url, redis_url, poll_s=0.02) as running:
        began = str(running.notifier.hub.head)
        expected = [{"event": "feed opened"}, {"event": "feed begins", "position": began}]
        if restored:
            renew_epoch(pipeline.connection)
            wait_until(lambda: str(running.notifier.hub.head) != began, "it has noticed")
            present = str(running.notifier.hub.head)
            expected.append({"event": "feed begins anew", "position": present, "was": began})
    told = [{key: one[key] for key in one if key != "log_level"} for one in logs if one["event"] in TOLD]
    assert told == expected
