"""What staff send about users: new ones, and changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from msgspec import UNSET, Struct, UnsetType

from api.accounts.fields import (
    BAD_EMAIL,
    KeptEmail,
    NewPassword,
    OptionalEmail,
    Password,
    Username,
    is_email,
    password_differs_from_names,
)
from api.contracts.changes import CANNOT_BE_CHANGED_HERE, check_unchanged, sent_fields
from api.http.errors import invalid
from api.http.fields import PersonName, ShortText, dialable, text
from api.http.forms import Form, Rules
from core.countries import country_code
from core.identity.account_names import Names, NotOneNumberError, names, renamed
from core.identity.phones import phone_words
from core.store.person import Person
from core.text_forms import PHONE
from core.wire.contracts.admin_users import admin_fields
from core.wire.errors import FieldProblem

Phone = Annotated[
    str,
    text(PHONE, most=32, format="phone"),
    Form(lambda sent: sent and dialable(sent), PHONE.words, phone_words),
]
"""Empty for none."""

READ_ONLY = ("id", "email_is_login", "country_code", "is_practitioner", "is_anonymised", "date_joined", "last_login")
"""Fields of the answers, which may be sent back as they are."""
PROOF = frozenset({"current_password"})
"""Is not written."""
PLAIN = ("first_name", "last_name", "gender", "is_active", "is_staff", "is_superuser")
"""Fields that are written as they are sent."""


def _not_ones_name(body: NewPerson) -> Iterator[FieldProblem]:
    if body.password is not None:
        yield from password_differs_from_names(body.password, body.username, body.email)


class NewPerson(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of create. Without a password the user cannot log in until they set one by a reset mail."""

    username: Username
    email: OptionalEmail | None = None
    password: NewPassword | None = None
    first_name: PersonName = ""
    last_name: PersonName = ""
    phone: Phone = ""
    gender: ShortText = ""
    country: ShortText = ""
    is_active: bool = True
    is_staff: bool = False
    is_superuser: bool = False

    rules: ClassVar[Rules] = (_not_ones_name,)

    def names(self, region: str | None) -> Names:
        """Raises Problem 400 for a username that is a phone number, but not the user's."""
        try:
            return names(self.username.strip(), self.phone.strip(), region)
        except NotOneNumberError:
            raise _not_one_number() from None


class PersonChange(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of update. Only what is sent, and differs, changes."""

    username: Username | UnsetType = UNSET
    email: KeptEmail | UnsetType | None = UNSET
    password: NewPassword | UnsetType = UNSET
    current_password: Password | UnsetType = UNSET
    """One's own, where one changes what one logs in with."""
    first_name: PersonName | UnsetType = UNSET
    last_name: PersonName | UnsetType = UNSET
    phone: Phone | UnsetType = UNSET
    gender: ShortText | UnsetType = UNSET
    country: ShortText | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET
    is_staff: bool | UnsetType = UNSET
    is_superuser: bool | UnsetType = UNSET
    id: Any = UNSET
    email_is_login: Any = UNSET
    country_code: Any = UNSET
    is_practitioner: Any = UNSET
    is_anonymised: Any = UNSET
    date_joined: Any = UNSET
    last_login: Any = UNSET

    def changed(self, person: Person) -> frozenset[str]:
        """The fields that would change. Raises Problem 400 for those that cannot."""
        present = admin_fields(person)
        check_unchanged(self, {name: present[name] for name in READ_ONLY}, CANNOT_BE_CHANGED_HERE)
        differ = {name for name, value in sent_fields(self, but=PROOF).items() if value != present.get(name)}
        if self.email is None and not person.email:
            differ.discard("email")
        return frozenset(differ)

    def columns(self, person: Person, changed: frozenset[str], region: str | None) -> dict[str, Any]:
        """The columns to write, but for email and password. Raises Problem 400 with everything that cannot be used."""
        problems = []
        if "email" in changed and isinstance(self.email, str) and self.email and not is_email(self.email):
            problems.append(FieldProblem("email", BAD_EMAIL))
        if isinstance(self.password, str):
            problems += password_differs_from_names(self.password, person.username, person.email)
        if problems:
            raise invalid(problems)
        columns: dict[str, Any] = {name: getattr(self, name) for name in PLAIN if name in changed}
        if isinstance(self.country, str) and "country" in changed:
            columns |= {"country": self.country, "country_code": country_code(self.country)}
        if changed & {"username", "phone"}:
            columns |= self._names(person, changed, region)
        return columns

    def _names(self, person: Person, changed: frozenset[str], region: str | None) -> dict[str, Any]:
        username = self.username.strip() if isinstance(self.username, str) and "username" in changed else None
        phone = self.phone.strip() if isinstance(self.phone, str) and "phone" in changed else None
        try:
            found = renamed(person, username, phone, region)
        except NotOneNumberError:
            raise _not_one_number() from None
        return {name: getattr(found, name) for name in Names.__struct_fields__}


def _not_one_number() -> Exception:
    words = "A username that is a phone number must be the account's own phone"
    return invalid([FieldProblem("phone", words)])
