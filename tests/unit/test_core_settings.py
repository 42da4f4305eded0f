"""Settings that follow from the machine."""

from __future__ import annotations

import os

import pytest

from core.settings import SettingsError, from_environment
from tests.servers import stack_environment

ENVIRONMENT = stack_environment("postgresql://localhost/none", "redis://localhost/0")


@pytest.mark.parametrize(("cores", "processes"), [(None, 1), (1, 1), (2, 1), (3, 1), (4, 2), (8, 4), (64, 4)])
def test_the_api_has_a_process_for_each_two_cores_up_to_four(
    monkeypatch: pytest.MonkeyPatch, cores: int | None, processes: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert from_environment(ENVIRONMENT).api_processes == processes


def test_the_number_of_api_processes_can_be_told() -> None:
    assert from_environment({**ENVIRONMENT, "HOLDFAST_API_PROCESSES": "6"}).api_processes == 6


@pytest.mark.parametrize("number", ["1e999999999", "9" * 5000, "²", "١٢", "--5", "1.5", "NaN", str(2**63)])
def test_what_is_no_whole_number_within_bounds_stops_the_start_and_names_itself(number: str) -> None:
    with pytest.raises(SettingsError, match="HOLDFAST_API_PROCESSES"):
        from_environment({**ENVIRONMENT, "HOLDFAST_API_PROCESSES": number})
