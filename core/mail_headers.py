"""Subjects and names in mails: folded so that they arrive as they were written.

Python's own folding loses spaces, doubles them, and puts some into the middle of words where letters are more than
ASCII, and leaves the first line of some subjects empty (seen with 3.11: every seventh subject with a date in it).
`email.header`, the older part of its library, does not.
"""

from __future__ import annotations

from email.header import Header
from email.policy import EmailPolicy
from typing import Any

LINE_LENGTH = 76
"""Of a line with encoded words (RFC 2047, 2)."""


class _Policy(EmailPolicy):
    def fold(self, name: str, value: Any) -> str:
        folded = _folded(name, value)
        return super().fold(name, value) if folded is None else f"{name}: {folded}\n".replace("\n", self.linesep)

    def fold_binary(self, name: str, value: Any) -> bytes:
        return self.fold(name, value).encode("ascii")


def _folded(name: str, value: Any) -> str | None:
    """None for headers that are folded well, or encoded in another way, such as those with a file's name."""
    if name.lower() == "subject":
        return _encoded(name, str(value))
    if str(value).isascii() or not hasattr(value, "addresses"):
        return None
    return ",\n ".join(_address(name, one) for one in value.addresses)


def _address(name: str, one: Any) -> str:
    return str(one) if str(one).isascii() else f"{_encoded(name, one.display_name)} <{one.addr_spec}>"


def _encoded(name: str, text: str) -> str:
    charset = "us-ascii" if text.isascii() else "utf-8"
    return Header(text, charset, maxlinelen=LINE_LENGTH, header_name=name).encode()


POLICY = _Policy()
