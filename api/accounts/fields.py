"""Names, addresses and passwords as people send them, with the rules for new ones."""

from __future__ import annotations

import re
from typing import Annotated

from msgspec import Meta

from api.fields import NAME, TEXT
from core.passwords import PASSWORD_MAX_CHARS, PASSWORD_MIN_CHARS
from core.phones import phone_key
from core.wire.errors import FieldProblem

LoginName = Annotated[str, Meta(max_length=254, pattern=TEXT)]
Password = Annotated[str, Meta(max_length=PASSWORD_MAX_CHARS)]
"""As typed at a login, whatever the rules were when it was set."""
Token = Annotated[str, Meta(max_length=2000, pattern=TEXT)]
Username = Annotated[str, Meta(min_length=1, max_length=150, pattern=NAME)]
OwnUsername = Annotated[
    str, Meta(min_length=1, max_length=150, pattern=NAME, extra_json_schema={"not": {"pattern": "@"}})
]
"""One that somebody chooses: neither an address nor a phone number."""
NewPassword = Annotated[
    str, Meta(max_length=PASSWORD_MAX_CHARS, extra_json_schema={"minLength": PASSWORD_MIN_CHARS, "pattern": r"\S"})
]
"""One to be set: long enough and not blank; what else it may not be, `password_problem` says."""
_ATOM = r"[!#$%&'*+\-./0-9=?A-Z^_`a-z{|}~]"
_LABEL = r"[!#$%&'*+\-/0-9=?A-Z^_`a-z{|}~]"
"""Visible ASCII but what needs quotes (RFC 5321); the second without the dot."""
EMAIL_FORM = f"^{_ATOM}+@({_LABEL}+[.])+{_LABEL}{{2,}}$"
Email = Annotated[str, Meta(max_length=254, pattern=NAME, extra_json_schema={"format": "email", "x-form": EMAIL_FORM})]
OptionalEmail = Annotated[str, Meta(max_length=254, pattern=NAME, extra_json_schema={"x-form": f"^$|{EMAIL_FORM}"})]
"""Empty for none."""


def email_problem(email: str) -> FieldProblem | None:
    """What keeps `email` from being an address (RFC 5321, without its quoted forms).

    ASCII only: letters that turn into others when they are folded would make one person's address
    another's. Domains of other scripts have an ASCII form.
    """
    if email.isascii() and email.isprintable() and re.fullmatch(EMAIL_FORM, email.strip()):
        return None
    return FieldProblem("email", "Enter a valid email address")


def username_problem(username: str, region: str | None) -> FieldProblem | None:
    """Phone numbers and addresses name people already: nobody else may take them as a username."""
    if not username.strip():
        return FieldProblem("username", "A username cannot be blank")
    if "@" in username:
        return FieldProblem("username", "A username cannot contain @")
    if phone_key(username, region) is not None:
        return FieldProblem("username", "A username cannot be a phone number")
    return None


def password_problem(password: str, *names: str | None) -> FieldProblem | None:
    """NIST SP 800-63B, 5.1.1.2: length counts, composition does not; not the account's own name."""
    if len(password) < PASSWORD_MIN_CHARS:
        return FieldProblem("password", f"A password needs at least {PASSWORD_MIN_CHARS} characters")
    if not password.strip():
        return FieldProblem("password", "A password cannot be blank")
    if password.casefold() in {name.casefold() for name in names if name}:
        return FieldProblem("password", "A password cannot be the account's own name")
    return None
