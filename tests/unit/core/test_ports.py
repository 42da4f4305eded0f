"""Which ports are chosen: free ones, and none that this process or one beside it may want again."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from ops import ports
from tests.support.processes.own_ports import keep_to_own_ports, own_ports


@pytest.fixture
def few() -> Iterator[range]:
    """Of which a quarter is remembered."""
    some = own_ports({})[-40:]
    ports.choose_among(some)
    yield some
    keep_to_own_ports()


def test_a_port_that_was_chosen_is_not_chosen_again_though_nobody_listens(few: range) -> None:
    chosen = [ports.free_ports(1)[0] for _ in range(10)]
    assert len(set(chosen)) == 10
    assert set(chosen) <= set(few)


def test_many_are_chosen_although_few_are_left(few: range) -> None:
    for _ in range(20):
        assert len(set(ports.free_ports(5))) == 5


def test_a_port_on_which_somebody_listens_is_not_chosen(few: range) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        ports.choose_among(range(server.getsockname()[1], server.getsockname()[1] + 1))
        with pytest.raises(OSError, match="no free port"):
            ports.free_ports(1)


def test_processes_beside_each_other_have_ports_of_their_own() -> None:
    parts = [own_ports({"PYTEST_XDIST_WORKER": f"gw{n}", "PYTEST_XDIST_WORKER_COUNT": "3"}) for n in range(3)]
    together = [port for part in parts for port in part]
    assert len(together) == len(set(together)) == 12_000
    assert set(together) == set(own_ports({}))
