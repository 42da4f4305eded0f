"""Names, addresses and passwords as people send them, with the rules for new ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated

from msgspec import Meta

from api.http.fields import text
from api.http.forms import Form
from core import text_forms
from core.domain.names import folded
from core.identity.account_names import as_username, number_in
from core.passwords import PASSWORD_MAX_CHARS, PASSWORD_MIN_CHARS
from core.wire.errors import FieldProblem

LoginName = Annotated[str, text(text_forms.SEARCH_TEXT, most=254)]
Password = Annotated[str, Meta(max_length=PASSWORD_MAX_CHARS)]
"""As typed at a login, whatever the rules were when it was set. Any character: it is hashed, never shown."""
Token = Annotated[str, text(text_forms.SEARCH_TEXT, most=2000)]


def _only_if(holds: Callable[[str], bool], words: str) -> Form[str, str]:
    return Form(lambda sent: sent if holds(sent) else None, words)


USERNAME_MAX_CHARS = 150
_NOT_BLANK = _only_if(lambda sent: bool(folded(sent)), "A username cannot be blank")
_SHOWABLE: Form[str, str] = Form(
    lambda sent: sent if text_forms.NAME.fits(as_username(sent)) else None,
    text_forms.NAME.words,
    words_for=lambda sent: text_forms.NAME.sentence("{field}", as_username(sent)),
)
_SHORT = _only_if(
    lambda sent: len(as_username(sent)) <= USERNAME_MAX_CHARS,
    f"A username can have {USERNAME_MAX_CHARS} characters at most",
)
_MAY_BE_SHOWN = (_NOT_BLANK, _SHOWABLE, _SHORT)
"""Asked of what is stored: a full-width sign is the sign itself (`as_username`)."""
Username = Annotated[str, text(text_forms.NAME, least=1, most=USERNAME_MAX_CHARS), *_MAY_BE_SHOWN]
OwnUsername = Annotated[
    str,
    text(text_forms.NAME, least=1, most=USERNAME_MAX_CHARS, **{"not": {"pattern": "@"}}),
    *_MAY_BE_SHOWN,
    _only_if(lambda sent: "@" not in folded(sent), "A username cannot contain @"),
    _only_if(lambda sent: number_in(sent) is None, "A username cannot be a phone number"),
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
"""One to be set. NIST SP 800-63B, 5.1.1.2: length counts, composition does not; see `password_differs_from_names` too."""


def is_email(sent: str) -> bool:
    """Whether it is an address (RFC 5321, without its quoted forms).

    ASCII only: letters that turn into others when they are folded would make one person's address
    another's. Domains of other scripts have an ASCII form.
    """
    return text_forms.EMAIL.fits(sent)


BAD_EMAIL = text_forms.EMAIL.words
Email = Annotated[str, text(text_forms.EMAIL, most=254)]
"""Not described as `format: email`, which forbids the blanks around it that we remove."""
KeptEmail = Annotated[str, text(text_forms.CONTACT_EMAIL, most=254)]
"""Empty for none; an odd one that an agent sent may come back as it was."""
OptionalEmail = Annotated[str, text(text_forms.OPTIONAL_EMAIL, most=254)]
"""Empty for none."""


def password_differs_from_names(password: str, *names: str | None) -> Iterator[FieldProblem]:
    """The rule: a password is not the account's own name (the same page of NIST's)."""
    if folded(password) in {folded(name) for name in names if name}:
        yield FieldProblem("password", "A password cannot be the account's own name")
