r"""Every form that a text from outside may have, in one table.

Bodies, query parameters, rows of spreadsheets, settings and what sign-in providers say are all held to it.
A form has two patterns. `pattern` is the one that is checked: it ends in `\Z`, because Python's `$` also
matches before a newline at the end. `described` is what the API's description shows of it: a regular
expression of JSON Schema (ECMA-262), where `$` is the end.

What the characters mean, and where they may be:

- control characters: nowhere, but tabs and line breaks in texts;
- `<` and `>`, and what Unicode's compatibility forms (NFKC) turn into them: not in names, which pages print;
- what turns the direction of other characters, or cannot be seen at all (U+200B, U+FEFF): nowhere, since one
  name could look like another. Joiners (U+200C, U+200D) are part of Persian and Indic names and of emoji: they
  may be in names and texts, not in addresses or phone numbers;
- a combining mark belongs to a letter: no name begins with one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property

CONTROLS = r"\x00-\x1f\x7f-\x9f"
BREAKS = r"\u2028\u2029"
"""Line and paragraph separators."""
TURNS = r"\u202a-\u202e\u2066-\u2069"
"""Embeddings, overrides and isolates: they turn the direction of what stands after them (Unicode annex 9)."""
UNSEEN = r"\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
JOINERS = r"\u200c\u200d"
MARKS_OF_DIRECTION = r"\u200e\u200f\u061c"
"""Unseen too, but they turn nothing beyond themselves: phones paste them with Arabic and Hebrew words."""
ANGLES = r"<>\ufe64\ufe65\uff1c\uff1e"
BLANKS = r"\x20\xa0\xad\u061c\u115f\u1160\u1680\u180e\u2000-\u200a\u200c-\u200f\u202f\u205f\u2800\u3000\u3164\uffa0"
"""What shows nothing by itself: spaces, joiners, and letters that are drawn empty."""
_TAGS = r"\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
"""Neither do these, which belong to flags, music and shorthand; JSON Schema's expressions have no word for them."""

_NOT_IN_NAMES = CONTROLS + BREAKS + TURNS + UNSEEN + ANGLES
_NOT_IN_TEXTS = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f" + TURNS + UNSEEN
_NOT_IN_ADDRESSES = r"\s" + CONTROLS + BREAKS + TURNS + UNSEEN + JOINERS + MARKS_OF_DIRECTION + ANGLES
_NOT_IN_PHONES = CONTROLS + BREAKS + ANGLES


def _ranges(characters: Iterable[str]) -> str:
    """Characters in order, as the inside of a regular expression's `[]`."""
    found: list[list[int]] = []
    for code in map(ord, characters):
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in found)


_MARKS = _ranges(one for one in map(chr, range(0x300, 0x10000)) if unicodedata.category(one)[0] == "M")
"""Of the scripts in use today; those beyond are looked through for too long by every process that starts."""


@dataclass(frozen=True)
class TextForm:
    name: str
    allowed: str
    """A regular expression for the whole text, without its anchors."""
    words: str
    """What is said of a text of another form; `{field}` is the field that holds it."""
    shown: str = ""
    """Instead of `allowed` in the description, where that would be too long to read."""
    strays: str = ""
    """Characters that are told one by one: the inside of a regular expression's `[]`."""
    words_for: Callable[[str], str] | None = None
    """Instead of `words`, where they depend on the text."""

    @property
    def is_format(self) -> bool:
        """Whether its sentence says how such a text is written. Of free texts it says what they may not hold."""
        return not self.strays

    @cached_property
    def pattern(self) -> str:
        return rf"\A(?:{self.allowed})\Z"

    @cached_property
    def described(self) -> str:
        return f"^({self.shown or self.allowed})$"

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    def fits(self, text: str) -> bool:
        return self._compiled.match(text) is not None

    def sentence(self, field: str, text: str) -> str:
        """What is wrong with a text that does not fit, and what to send instead."""
        stray = re.search(f"[{self.strays}]", text) if self.strays else None
        if stray is not None:
            return f"{field} must not contain {_called(stray[0])}"
        if self.strays and not text.strip():
            return f"{field} must not be blank"
        return (self.words_for(text) if self.words_for else self.words).format(field=field)


def _called(character: str) -> str:
    """A character in words: many of them cannot be seen in a message."""
    code = f"U+{ord(character):04X}"
    if character in "\n\r\v\f\x85\u2028\u2029":
        return "a line break"
    if character == "\t":
        return "a tab"
    if character in "<>":
        return "< or >"
    if unicodedata.category(character) == "Cc":
        return f"the control character {code}"
    plain = unicodedata.normalize("NFKC", character)
    if plain in {"<", ">"}:
        return f"{character} ({code}), which looks like {plain}"
    if character.isprintable():
        return "a comma" if character == "," else f"{character} ({code})"
    called = unicodedata.name(character, "").lower()
    return f"the character {code}, which cannot be seen" + (f" ({called})" if called else "")


def _name(name: str, *, required: bool, also: str = "") -> TextForm:
    """One line that begins with something that can be seen, after blanks; or, where it may be left out, only blanks."""
    inside, mark = _NOT_IN_NAMES + also, "" if required else "?"
    return TextForm(
        name,
        rf"[{BLANKS}{_TAGS}]*(?:[^{inside}{BLANKS}{_TAGS}{_MARKS}][^{inside}]*){mark}",
        "{field} must begin with a letter, a digit or a sign that can be seen",
        shown=rf"[^{inside}]*[^\s{inside}{BLANKS}][^{inside}]*" if required else f"[^{inside}]*",
        strays=inside,
    )


NAME = _name("name", required=True)
OPTIONAL_NAME = _name("name or nothing", required=False)
LISTED_NAME = _name("name without commas", required=True, also=",")
"""A list of such names in a query is separated by commas."""
TEXT = TextForm("text", f"[^{_NOT_IN_TEXTS}]*", "{field} must be text", strays=_NOT_IN_TEXTS)
"""Several lines; as its reader will see it, so `<` is a sign like others."""
_BLANK_LINES = rf"\t\n\r{BREAKS}{BLANKS}"
SOME_TEXT = TextForm(
    "text that says something",
    rf"[{_BLANK_LINES}{_TAGS}]*[^{_BLANK_LINES}{_TAGS}{_NOT_IN_TEXTS}][^{_NOT_IN_TEXTS}]*",
    "{field} must not be blank",
    shown=rf"[{_BLANK_LINES}]*[^{_BLANK_LINES}{_NOT_IN_TEXTS}][^{_NOT_IN_TEXTS}]*",
    strays=_NOT_IN_TEXTS,
)
SEARCH_TEXT = TextForm("words to look for", f"[^{CONTROLS}]*", "{field} must be text", strays=CONTROLS)
"""A name to log in with, or to find by: old rows hold names that are not given any more."""

_ATOM = r"[!#$%&'*+\-./0-9=?A-Z^_`a-z{|}~]"
_LABEL = r"[!#$%&'*+\-/0-9=?A-Z^_`a-z{|}~]"
"""Visible ASCII but what needs quotes (RFC 5321); the second without the dot."""
_EMAIL = f" *{_ATOM}+@(?:{_LABEL}+[.])+{_LABEL}{{2,}} *"
BAD_EMAIL = "Enter a valid email address, such as name@example.com"
EMAIL = TextForm("email address", _EMAIL, BAD_EMAIL)
OPTIONAL_EMAIL = TextForm("email address or nothing", f"(?:{_EMAIL})?", BAD_EMAIL)
_NOT_BESIDE_AT = rf"@\ufe6b\uff20{_NOT_IN_ADDRESSES}"
CONTACT_EMAIL = TextForm(
    "email address of a contact, or nothing",
    f"(?:[^{_NOT_BESIDE_AT}{_MARKS}][^{_NOT_BESIDE_AT}]*@[^{_NOT_BESIDE_AT}]+)?",
    "{field} must be an email address such as name@example.com",
    shown=f"([^{_NOT_BESIDE_AT}]+@[^{_NOT_BESIDE_AT}]+)?",
)
"""As an agent wrote it down, letters of other scripts too: nobody logs in by it."""
BAD_PHONE = "Invalid phone number: send its 3 to 20 digits, such as 1234567890 or +1 (202) 555-0123"
PHONE = TextForm("phone number", f"[^{_NOT_IN_PHONES}]*", BAD_PHONE)
"""Only what no number has; which digits are a number is `core.identity.phones`' to say."""

_DAY = r"(?:19|2[01])[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_HOUR_MINUTE = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_CLOCK = f"{_HOUR_MINUTE}(?::00)?"
_OFFSET = rf"(?:Z|[+-]{_HOUR_MINUTE})"
_INSTANT = rf"{_DAY}T{_HOUR_MINUTE}(?::[0-5][0-9](?:[.][0-9]{{1,6}})?)?{_OFFSET}"
EARLIEST, LATEST = date(1900, 1, 1), date(2199, 12, 31)
"""Days beyond are mistakes, and near year 1 and 9999 zones and durations leave the calendar."""
A_DAY = "{field} must be a day like 2025-10-15"


def day_words(text: str) -> str:
    """What is wrong with a text that is no day that can be meant, though perhaps written like one."""
    if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text) is None:
        return A_DAY
    try:
        date.fromisoformat(text)
    except ValueError:
        return f"{{field}} must be a day of the calendar, and {text} is none"
    return f"{{field}} must be a day from {EARLIEST} to {LATEST}"


DAY = TextForm("day", _DAY, A_DAY, words_for=day_words)
CLOCK = TextForm("time of day", _CLOCK, "{field} must be a time like 09:30")
CLOSING = TextForm("time of day, or 24:00", f"{_CLOCK}|24:00(?::00)?", "{field} must be a time like 17:30, or 24:00")
WHOLE_MINUTE = TextForm(
    "instant in whole minutes",
    rf"{_DAY}T{_HOUR_MINUTE}:00(?:[.]0{{1,6}})?{_OFFSET}",
    "{field} must be a time with its offset from UTC, such as 2024-03-15T10:00:00Z",
)
INSTANT = TextForm("instant", _INSTANT, "{field} must be a time with its offset from UTC, such as 2030-01-01T12:00:00Z")
DAY_OR_INSTANT = TextForm(
    "day or instant",
    f"{_DAY}|{_INSTANT}",
    "{field} must be a day like 2025-10-15, or a time with its offset from UTC such as 2025-10-15T10:00:00Z",
)
LOCAL_OR_INSTANT = TextForm(
    "instant, or a local time",
    rf" *{_DAY}[T ]{_HOUR_MINUTE}(?::00(?:[.]0{{1,6}})?)?{_OFFSET}? *",
    "{field} must be a time such as 2030-01-31T09:00:00Z, in whole minutes; without an offset it is local to what "
    "is booked",
)
BAD_DATE = "Invalid date format: write it like 2025-10-20, 20/10/2025, 10/20/2025, 20-10-2025 or 10-20-2025"
BAD_TIME = "Invalid time format: write it like 14:00, 14:00:00, 2:00 PM or 2:00PM"
"""The agents' document gives these sentences."""
_D, _M, _Y = "(?:0?[1-9]|[12][0-9]|3[01])", "(?:0?[1-9]|1[0-2])", "(?:19|2[01])[0-9]{2}"
AGENT_DAY = TextForm(
    "day as agents write it",
    f" *(?:{_Y}-{_M}-{_D}|{_D}/{_M}/{_Y}|{_M}/{_D}/{_Y}|{_D}-{_M}-{_Y}|{_M}-{_D}-{_Y}) *",
    BAD_DATE,
)
AGENT_CLOCK = TextForm(
    "time of day as agents write it",
    " *(?:(?:0?[0-9]|1[0-9]|2[0-3]):[0-5][0-9](?::00)?|(?:0?[1-9]|1[0-2]):[0-5][0-9] ?[AaPp][Mm]) *",
    BAD_TIME,
)
WEEKDAYS = TextForm(
    "weekdays",
    r"(?: *[0-6] *(?:, *[0-6] *){0,6})?",
    "{field} must be weekday numbers 0 (Monday) to 6 (Sunday)",
)
ZONE = TextForm(
    "time zone", "[A-Za-z][A-Za-z0-9_+/-]{0,63}", "This is not an IANA time zone: use one such as Europe/Berlin"
)
CURRENCY = TextForm(
    "currency", "[a-z]{3}", "Stripe does not charge in this currency: use a lower-case code such as usd"
)
ANY_CURRENCY = TextForm("currency, in letters of any size", "[A-Za-z]{3}", CURRENCY.words)
COUNTRY = TextForm("country code", "[A-Za-z]{2}", "{field} must be a two-letter country code such as EG")
HTTPS_URL = TextForm(
    "https address, or nothing",
    rf"(?:https://[^\x22\x5c\x5e\x60{{|}}{_NOT_IN_ADDRESSES}]+)?",
    "{field} must be an address that begins with https://, such as https://meet.example.com/room-1",
)
URL = TextForm(
    "web address",
    rf"https?://[^\x22\x5c\x5e\x60{{|}}{_NOT_IN_ADDRESSES}]+",
    "{field} must be an address that begins with https://, such as https://www.example.com/address",
)
ORIGIN = TextForm("origin", URL.allowed, "{field} must be a scheme and a host alone, such as https://www.example.com")
NETWORK = TextForm(
    "network", "[0-9A-Fa-f:.]{2,45}(?:/[0-9]{1,3})?", "Enter an address or a CIDR block such as 192.0.2.0/24"
)
IDEMPOTENCY_KEY = TextForm("idempotency key", r"[\x21-\x7e]+", "{field} must be visible ASCII characters")
_NOT_IN_SETTINGS = CONTROLS + BREAKS + TURNS + UNSEEN
SETTING = TextForm("setting", f"[^{_NOT_IN_SETTINGS}]*", "{field} must be text", strays=_NOT_IN_SETTINGS)
POSITION = TextForm(
    "position of the feed", "[0-9A-Za-z_-]{1,64}", "{field} must be a position that an earlier answer gave"
)
REQUEST_ID = TextForm(
    "request id", "[A-Za-z0-9._-]{8,64}", "{field} must be 8 to 64 letters, digits, dots, hyphens and underscores"
)
PREFIX = TextForm(
    "prefix of keys",
    "[A-Za-z0-9_.-]{0,64}",
    "{field} must be at most 64 letters, digits, dots, hyphens and underscores",
)
SUBJECT = TextForm("account at a provider", r"[\x20-\x7e]{1,255}", "{field} must be at most 255 ASCII characters")
"""OpenID Connect Core 1.0, 2."""

FORMS = tuple(one for one in globals().values() if isinstance(one, TextForm))
BY_PATTERN = {one.pattern: one for one in FORMS}
"""How a form is found again from the type of a field."""
