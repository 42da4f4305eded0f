"""What a person is told once the stack is ready."""

from __future__ import annotations

import pytest

from ops.embedded.welcome import exposure_warning


@pytest.mark.parametrize("doors", [("127.0.0.1",), ("127.0.0.1", "::1")])
def test_a_demo_for_this_machine_alone_warns_of_nobody(doors: tuple[str, ...]) -> None:
    assert exposure_warning(doors) == []


@pytest.mark.parametrize("door", ["0.0.0.0", "::", "192.0.2.7", "2001:db8::7"])  # noqa: S104 - only told about
def test_a_demo_that_others_reach_says_that_its_passwords_are_known(door: str) -> None:
    told = " ".join(exposure_warning(("127.0.0.1", "::1", door)))
    assert f"at {door}, and everybody knows the passwords" in told
