"""Which parts `/readyz` holds to be down."""

from __future__ import annotations

import pytest

from api.health import down_parts
from core.store.pulse import CANARY_FRESH_S, LANE_LAG_MAX_S, Pulse

YOUNG_S, OLD_S = 1.0, CANARY_FRESH_S + 1


@pytest.mark.parametrize(
    ("pulse", "down"),
    [
        pytest.param(Pulse(YOUNG_S, YOUNG_S, 0.0), [], id="all is well"),
        pytest.param(Pulse(OLD_S, OLD_S, OLD_S, canary_waits=True), ["lanes", "notifier"], id="nobody decides"),
        pytest.param(Pulse(OLD_S, OLD_S, 0.0, canary_waits=True), ["lanes", "notifier"], id="a canary is put off"),
        pytest.param(Pulse(YOUNG_S, YOUNG_S, LANE_LAG_MAX_S + 1), ["lanes"], id="one lane stands"),
        pytest.param(Pulse(YOUNG_S, OLD_S, 0.0), ["notifier"], id="nobody hears"),
        pytest.param(Pulse(OLD_S, OLD_S, 0.0), ["sweeps"], id="nobody sends canaries"),
        pytest.param(Pulse(None, None, 0.0), ["sweeps"], id="nobody has sent one yet"),
        pytest.param(Pulse(OLD_S, OLD_S, LANE_LAG_MAX_S + 1), ["sweeps", "lanes"], id="nobody sends, nobody decides"),
        pytest.param(None, ["postgresql"], id="no database"),
    ],
)
def test_it_names_the_parts_that_are_away_and_no_others(pulse: Pulse | None, down: list[str]) -> None:
    assert down_parts(pulse, redis_is_up=True) == down
    assert down_parts(pulse, redis_is_up=False) == ["redis", *down]
