"""Names, addresses and passwords as people send them, with the rules for new ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Annotated

from msgspec import Meta

from api.fields import NAME, TEXT
from api.forms import Form
from core.domain.folding import folded
from core.identity.usernames import as_username, number_in
from core.passwords import PASSWORD_MAX_CHARS, PASSWORD_MIN_CHARS
from core.wire.errors import FieldProblem

LoginName = Annotated[str, Meta(max_length=254, pattern=TEXT)]
Password = Annotated[str, Meta(max_length=PASSWORD_MAX_CHARS)]
"""As typed at a login, whatever the rules were when it was set."""
Token = Annotated[str, Meta(max_length=2000, pattern=TEXT)]


def _only_if(holds: Callable[[str], bool], words: str) -> Form[str, str]:
    return Form(lambda text: text if holds(text) else None, words)


USERNAME_MAX_CHARS = 150
_NAME = re.compile(NAME)
_NOT_BLANK = _only_if(lambda text: bool(folded(text)), "A username cannot be blank")
_SHOWABLE = _only_if(
    lambda text: _NAME.fullmatch(as_username(text)) is not None, "A username cannot contain <, > or control characters"
)
_SHORT = _only_if(
    lambda text: len(as_username(text)) <= USERNAME_MAX_CHARS,
    f"A username can have {USERNAME_MAX_CHARS} characters at most",
)
_MAY_BE_SHOWN = (_NOT_BLANK, _SHOWABLE, _SHORT)
"""Asked of what is stored: a full-width sign is the sign itself (`as_username`)."""
Username = Annotated[str, Meta(min_length=1, max_length=USERNAME_MAX_CHARS, pattern=NAME), *_MAY_BE_SHOWN]
OwnUsername = Annotated[
    str,
    Meta(min_length=1, max_length=USERNAME_MAX_CHARS, pattern=NAME, extra_json_schema={"not": {"pattern": "@"}}),
    *_MAY_BE_SHOWN,
    _only_if(lambda text: "@" not in folded(text), "A username cannot contain @"),
    _only_if(lambda text: number_in(text) is None, "A username cannot be a phone number"),
]
"""One that somebody chooses: phone numbers and addresses name people already, so nobody else may take them."""
NewPassword = Annotated[
    str,
    Meta(max_length=PASSWORD_MAX_CHARS, extra_json_schema={"minLength": PASSWORD_MIN_CHARS, "pattern": r"\S"}),
    _only_if(
        lambda text: len(text) >= PASSWORD_MIN_CHARS, f"A password needs at least {PASSWORD_MIN_CHARS} characters"
    ),
    _only_if(lambda text: bool(text.strip()), "A password cannot be blank"),
]
"""One to be set. NIST SP 800-63B, 5.1.1.2: length counts, composition does not; see `own_name` too."""
_ATOM = r"[!#$%&'*+\-./0-9=?A-Z^_`a-z{|}~]"
_LABEL = r"[!#$%&'*+\-/0-9=?A-Z^_`a-z{|}~]"
"""Visible ASCII but what needs quotes (RFC 5321); the second without the dot."""
EMAIL_FORM = f"^{_ATOM}+@({_LABEL}+[.])+{_LABEL}{{2,}}$"


def is_email(text: str) -> bool:
    """Whether it is an address (RFC 5321, without its quoted forms).

    ASCII only: letters that turn into others when they are folded would make one person's address
    another's. Domains of other scripts have an ASCII form.
    """
    return text.isascii() and text.isprintable() and re.fullmatch(EMAIL_FORM, text.strip()) is not None


BAD_EMAIL = "Enter a valid email address"
Email = Annotated[
    str,
    Meta(max_length=254, pattern=NAME, extra_json_schema={"format": "email", "x-form": EMAIL_FORM}),
    _only_if(is_email, BAD_EMAIL),
]
KeptEmail = Annotated[str, Meta(max_length=254, pattern=NAME, extra_json_schema={"x-form": f"^$|{EMAIL_FORM}"})]
"""Empty for none; an odd one that an agent sent may come back as it was."""
OptionalEmail = Annotated[KeptEmail, _only_if(lambda text: not text or is_email(text), BAD_EMAIL)]
"""Empty for none."""


def own_name(password: str, *names: str | None) -> Iterator[FieldProblem]:
    """The rule: a password is not the account's own name (the same page of NIST's)."""
    if password.casefold() in {name.casefold() for name in names if name}:
        yield FieldProblem("password", "A password cannot be the account's own name")
