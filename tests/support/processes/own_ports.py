"""Ports of each process of the tests' own: a server that was killed finds its port again, whoever starts beside it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ops.ports import HIGHEST, LOWEST, choose_among


def own_ports(environ: Mapping[str, str]) -> range:
    """An equal part of the range for each of xdist's workers; all of it without them."""
    count = int(environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    number = int(environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    size = (HIGHEST - LOWEST + 1) // count
    return range(LOWEST + number * size, LOWEST + (number + 1) * size)


def keep_to_own_ports() -> None:
    choose_among(own_ports(os.environ))
