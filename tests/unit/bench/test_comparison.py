"""Two results of `make bench` beside each other, and the bars that a result is held to."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.benchmarks.compare import compare, lines, main
from tests.benchmarks.report import Figure, bars, series
from tests.benchmarks.series import Series

STEADY = Series("bookings", "/s", "higher", [990, 1000, 1000, 1010, 1005])


def rates(*samples: float) -> Series:
    return Series("bookings", "/s", "higher", samples)


def test_a_tenth_less_is_slower_where_rounds_lie_close() -> None:
    (found,) = compare([STEADY], [rates(890, 900, 900, 910, 905)])
    assert found.is_slower
    assert found.slower == pytest.approx(1 / 9)
    assert "SLOWER" in list(lines([found]))[1]


def test_a_tenth_less_is_noise_where_rounds_lie_far_apart() -> None:
    (found,) = compare([rates(700, 850, 1000, 1150, 1300)], [rates(600, 800, 900, 1100, 1200)])
    assert not found.is_slower
    assert not found.is_faster


def test_latencies_get_slower_by_growing() -> None:
    before, after = (Series("p50", "ms", "lower", [base, base * 1.01, base * 1.02]) for base in (10.0, 12.0))
    assert [one.is_slower for one in compare([before], [after])] == [True]
    assert [one.is_faster for one in compare([after], [before])] == [True]


@pytest.mark.parametrize(("after", "is_slower"), [(900.0, False), (700.0, True)])
def test_a_single_round_is_held_to_a_wide_margin(after: float, is_slower: bool) -> None:  # noqa: FBT001 - a parameter
    (found,) = compare([rates(1000)], [rates(after)])
    assert found.is_slower is is_slower


def test_only_what_both_measured_is_compared() -> None:
    assert list(compare([STEADY], [Series("others", "/s", "higher", [1, 2])])) == []


def test_the_command_ends_with_one_if_something_got_slower(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fast, slow, other = (tmp_path / name for name in ("fast.json", "slow.json", "other.json"))
    fast.write_bytes(msgspec.json.encode({"series": [STEADY], "machine": {}}))
    slow.write_bytes(msgspec.json.encode({"series": [rates(500, 505, 495)]}))
    other.write_bytes(b'{"figures": []}')
    assert main([str(fast), str(slow)]) == 1
    assert "1 of 1 got slower" in capsys.readouterr().out
    assert main([str(slow), str(fast)]) == 0
    assert main([str(fast), str(other)]) == 2
    assert main([str(fast), str(tmp_path / "none.json")]) == 2
    assert "none.json cannot be read" in capsys.readouterr().err
    for files in ([], [str(fast)], ["", ""], [str(fast), ""]):
        assert main(files) == 2
        assert capsys.readouterr().err.startswith("Name two results")


def figure(pipeline: str, clients: int, per_s: float, cpu_us: float = 100.0) -> Figure:
    return Figure(pipeline, clients, per_s, 10.0, 20.0, 30.0, [per_s] * 3, [10.0] * 3, {"api": cpu_us})


def found(**of: tuple[str, int, float]) -> dict[tuple[str, int], Figure]:
    return {(name, clients): figure(name, clients, per_s) for name, clients, per_s in of.values()}


def test_the_bars_hold_ratios_at_each_number_of_clients() -> None:
    measured = found(
        ours=("holdfast", 64, 1000.0),
        task=("task per command", 64, 99.0),
        direct=("direct write", 64, 500.0),
        many=("holdfast", 256, 900.0),
    )
    met = {bar.what: bar.is_met for bar in bars(measured, [], durable=True)}
    assert met["at least 10 times task per command at 64 clients"]
    assert not met["at least 2.5 times direct write at 64 clients"]
    assert not met["256 clients not below 64"]
    assert all(bar.is_met for bar in bars(measured, [], durable=True, margin=2.0))


@pytest.mark.parametrize(("cpu_us", "is_met"), [(519.0, True), (521.0, False)])
def test_few_microseconds_do_instead_of_the_part_of_the_no_op(cpu_us: float, is_met: bool) -> None:  # noqa: FBT001
    measured = {("holdfast", 64): figure("holdfast", 64, 400.0, cpu_us), ("no-op", 64): figure("no-op", 64, 1000.0)}
    (bar,) = [one for one in bars(measured, [], durable=True) if "no-op" in one.what]
    assert bar.is_met is is_met


def test_a_result_has_ratios_round_by_round() -> None:
    names = {one.name for one in series(found(a=("holdfast", 64, 9.0), b=("no-op", 64, 18.0)))}
    assert "holdfast by no-op at 64 clients" in names
    assert "no-op at 64 clients, p50" in names
