"""Failed sign-ins at Flower, counted by address."""

from __future__ import annotations

from ops.flower_security import ADDRESSES_MAX, FAILURES_MAX, WINDOW_S, Failures


def test_an_address_waits_until_its_window_is_over() -> None:
    now = 1_000.0
    failures = Failures(lambda: now)
    for _ in range(FAILURES_MAX):
        assert failures.wait_s("192.0.2.7") == 0
        failures.add("192.0.2.7")
    assert failures.wait_s("192.0.2.7") == WINDOW_S
    assert failures.wait_s("192.0.2.8") == 0
    now += WINDOW_S
    assert failures.wait_s("192.0.2.7") == 0
    failures.add("192.0.2.7")
    assert failures.wait_s("192.0.2.7") == 0, "a new window"


def test_so_many_addresses_are_remembered_and_no_more() -> None:
    failures = Failures(lambda: 0.0)
    for number in range(ADDRESSES_MAX + 5):
        failures.add(str(number))
    assert len(failures._by_address) == ADDRESSES_MAX
