"""Ids in paths: plain digits of what a row can have; all else is a path that there is not."""

from __future__ import annotations

import pytest

from tests.support.conformance.description import app


@pytest.mark.parametrize("id_", ["0", "-1", "+1", "1_0", "1.0", "1e3", "\u0663", " 1", "", "abc", str(2**63)])
def test_what_is_no_id_is_nowhere(id_: str) -> None:
    assert app()._router.find(f"/api/admin/bookings/{id_}") is None


@pytest.mark.parametrize("id_", ["1", "42", str(2**63 - 1)])
def test_an_id_is_found(id_: str) -> None:
    found = app()._router.find(f"/api/admin/bookings/{id_}")
    assert found is not None
    assert found[2] == {"booking_id": int(id_)}
