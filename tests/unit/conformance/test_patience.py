"""A request of a test that names no timeout waits longer than httpx would: a busy machine is no failure."""

from __future__ import annotations

import httpx

from tests.conftest import PATIENCE, patient


def test_only_the_timeout_that_nobody_named_is_lengthened() -> None:
    with httpx.Client() as untold, httpx.Client(timeout=2.0) as told:
        assert patient(untold.build_request("GET", "http://127.0.0.1/")).extensions["timeout"] == PATIENCE
        assert patient(told.build_request("GET", "http://127.0.0.1/")).extensions["timeout"]["read"] == 2.0
