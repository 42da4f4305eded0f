"""Settings that follow from the machine, and addresses that are refused."""

from __future__ import annotations

import os
import re

import pytest

from core.client_addresses import Addresses
from core.settings import SettingsError, from_environment
from tests.support.processes.servers import stack_environment

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


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("unix:///run/redis.sock", "does not start with redis://"),
        ("redis+sentinel://host/0", "does not start with redis://"),
        ("redis://host/0?ssl_cert_reqs=none", "begin the address with rediss://"),
        ("rediss://host/0?ssl_cert_reqs=sometimes", "not one of none, optional, required"),
        ("rediss://host/0?ssl_check_hostname=perhaps", "neither true nor false"),
        ("rediss://host/0?ssl_ca_certs=/no/such/file", "/no/such/file, which cannot be read"),
        ("rediss://host/0?db=1", "db is not one of"),
        ("redis://host/0?socket_timeout=1", "socket_timeout is not one of"),
    ],
)
def test_an_address_of_redis_that_its_clients_would_read_differently_is_refused(url: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=f"^REDIS_URL cannot be used: .*{re.escape(problem)}"):
        from_environment({**ENVIRONMENT, "REDIS_URL": url})


@pytest.mark.parametrize("prefix", ["one:", "a b", "*", "{one}", "a" * 65, "ü"])
def test_a_prefix_that_could_be_read_as_something_else_is_refused(prefix: str) -> None:
    with pytest.raises(SettingsError, match=r"^HOLDFAST_REDIS_PREFIX cannot be used"):
        from_environment({**ENVIRONMENT, "HOLDFAST_REDIS_PREFIX": prefix})


def test_without_a_prefix_names_in_redis_are_those_of_releases_that_knew_none() -> None:
    keys = from_environment(ENVIRONMENT).redis_keys
    assert (keys.lane_bell(3), keys.queue("lanes"), keys.feed_channel) == ("hf:bell:lane:3", "lanes", "hf:feed")
    assert keys.to_ring("lanes", ["b"]) == ["hf:listening:lanes", "hf:called:lanes", "b"]
    assert (keys.outcome_channel("x"), keys.roster("lanes")) == ("hf:outcomes:x", "hf:roster:lanes")
    assert (keys.relay_bell, keys.payments_bell, keys.cleanup_mark) == (
        "hf:bell:relay",
        "hf:bell:payments",
        "hf:cleanup",
    )


@pytest.mark.parametrize(
    "proxies", ["10.0.0.1/8", "front-door", "::1/129", "127.0.0.1,10.0.0.0/33", "fd00::/8;10.0.0.1"]
)
def test_a_trusted_proxy_that_is_no_network_stops_the_start_and_names_itself(proxies: str) -> None:
    with pytest.raises(SettingsError, match=r"^HOLDFAST_TRUSTED_PROXIES cannot be used"):
        from_environment({**ENVIRONMENT, "HOLDFAST_TRUSTED_PROXIES": proxies})


@pytest.mark.parametrize(
    ("network", "address"),
    [
        ("::ffff:10.0.0.0/104", "10.1.2.3"),
        ("::ffff:10.0.0.0/104", "::ffff:10.1.2.3"),
        ("10.0.0.0/8", "::FFFF:10.1.2.3"),
        ("10.0.0.0/8", "::ffff:a01:203"),
        ("fd00::/8", "fd00::1"),
    ],
)
def test_a_trusted_network_is_known_however_its_addresses_are_written(network: str, address: str) -> None:
    proxies = from_environment({**ENVIRONMENT, "HOLDFAST_TRUSTED_PROXIES": network}).trusted_proxies
    assert Addresses(proxies).trusts(address)
    assert not Addresses(proxies).trusts("2001:db8::1")
