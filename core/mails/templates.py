"""Mails from templates: one for the subject, one for the text and one for HTML of each kind.

A business replaces a file by one of the same name in the folder of HOLDFAST_MAIL_TEMPLATES; the others stay ours.
`problems` finds at the start what is wrong with a replacement.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    select_autoescape,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment
from msgspec import Struct
from msgspec.structs import asdict

from core.mails.kinds import MailKind, Role
from core.mails.language_choice import LANGUAGES
from core.mails.languages import Language, language
from core.mails.letters import Letter

OURS = Path(__file__).parent / "templates"
SUBJECT, TEXT, HTML = "subject.txt", "txt", "html"
SUBJECT_CHARS_MAX = 150
UNUSABLE = (TemplateError, OSError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError)
"""What a template may raise that somebody else wrote."""


class Rendered(Struct, frozen=True):
    subject: str
    text: str
    html: str


class Templates:
    """Ours, and those that replace some of them. Safe in any thread."""

    def __init__(self, replaced: str | None = None) -> None:
        """`replaced`: a folder. What is in it under other names is not read."""
        folders = [FileSystemLoader(replaced)] if replaced else []
        loader = ChoiceLoader([*folders, FileSystemLoader(OURS)])
        self._environments = {code: _environment(loader, language(code)) for code in LANGUAGES}

    def render(self, letter: Letter, code: str) -> Rendered:
        """Raises `jinja2.TemplateError` for a replacement that does not work."""
        spoken = language(code)
        environment, when = self._environments[spoken.code], _when(letter, spoken)
        subject = environment.get_template(f"{letter.kind}.{SUBJECT}").render(
            business=letter.business, role=letter.role.value, when=when
        )
        values = _values(letter, spoken, when)
        return Rendered(
            " ".join(subject.split())[:SUBJECT_CHARS_MAX],
            environment.get_template(f"{letter.kind}.{TEXT}").render(values).strip() + "\n",
            environment.get_template(f"{letter.kind}.{HTML}").render(values),
        )


def problems(replaced: str) -> Iterator[str]:
    """A sentence for each replacement that cannot be used."""
    folder = Path(replaced)
    if not folder.is_dir():
        yield f"{replaced} is no folder that can be read"
        return
    ours = {path.name for path in OURS.iterdir()}
    for path in sorted(folder.iterdir()):
        if path.suffix in {".txt", ".html"} and path.name not in ours:
            yield f"{path.name} replaces nothing: the files are named {', '.join(sorted(ours))}"
    templates = Templates(replaced)
    for letter in _examples():
        for code in LANGUAGES:
            try:
                templates.render(letter, code)
            except UNUSABLE as problem:
                name = getattr(problem, "name", None) or getattr(problem, "filename", None) or f"{letter.kind}.*"
                yield f"{Path(str(name)).name} cannot be used: {problem}"
                return


def _environment(loader: ChoiceLoader, spoken: Language) -> Environment:
    """A sandbox: who may write templates here may not run programs here."""
    environment = ImmutableSandboxedEnvironment(
        loader=loader,
        autoescape=select_autoescape(("html",), default=False),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_translations(spoken.translations, newstyle=True)  # type: ignore[attr-defined]
    environment.filters["money"] = spoken.money
    return environment


def _when(letter: Letter, spoken: Language) -> str:
    """`Monday, December 7, 2026, 10:00 AM`; "" for what has no time."""
    return _moment(letter.starts_at, letter.zone, spoken)


def _moment(at: datetime | None, zone: str, spoken: Language) -> str:
    return "" if at is None else f"{spoken.day(at, zone)}, {spoken.clock(at, zone)}"


def _values(letter: Letter, spoken: Language, when: str) -> dict[str, Any]:
    starts, ends = letter.starts_at, letter.ends_at
    return {
        **{
            name: value.value if isinstance(value, MailKind | Role) else value for name, value in asdict(letter).items()
        },
        "language": spoken.code,
        "direction": spoken.direction,
        "when": when,
        "held_until": _moment(letter.held_until, letter.zone, spoken),
        "until": spoken.clock(ends, letter.zone) if ends is not None else "",
        "zone_name": spoken.zone(starts, letter.zone) if starts is not None else "",
    }


def _examples() -> Iterator[Letter]:
    """Letters that try every branch of a template that depends on what there is to say."""
    at = datetime(2030, 1, 7, 9, tzinfo=UTC)
    for kind in MailKind:
        for role in Role:
            shown = Letter(
                kind=kind, role=role, business="Holdfast", reference="R1", link="https://example.org/guest/1/"
            )
            yield shown
            yield Letter(
                **{
                    **asdict(shown), "starts_at": at, "ends_at": at + timedelta(hours=1), "what": "Massage",
                    "who": "Anna", "where": "Room 1", "price_minor": 5_000, "back_minor": 5_000, "paid_minor": 5_000,
                    "refunded_minor": 5_000, "is_unusable": True, "held_until": at,
                    "reminders_link": "https://example.org/guest/reminders/1/",
                }
            )  # fmt: skip
