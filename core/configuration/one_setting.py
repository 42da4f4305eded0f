"""How one setting is read, required or not, a flag or a secret; `RecordedEnvironment` notes what was read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from core.configuration.recorded_settings import RecordedEnvironment
from core.configuration.values import PLACEHOLDER
from core.text_forms import SETTING

T = TypeVar("T")


class SettingsError(Exception):
    """A setting is missing or unusable; the message names it and says what to do."""


def noted(
    env: Mapping[str, str],
    name: str,
    read: Callable[[], T],
    *,
    default: str | None,
    otherwise: Callable[[], T],
    is_secret: bool = False,
) -> T:
    """The one way to read a setting. A recorder goes on with `otherwise` where a value cannot be used."""
    if not isinstance(env, RecordedEnvironment):
        return read()
    if unusable := env.files.get(name):
        env.note(name, default, unusable, is_secret=is_secret)
        return otherwise()
    try:
        value = read()
    except SettingsError as problem:
        env.note(name, default, str(problem), is_secret=is_secret)
        return otherwise()
    env.note(name, default, None, is_secret=is_secret)
    return value


def is_needed(env: Mapping[str, str], name: str, needed: bool) -> bool:  # noqa: FBT001 - the other half of a pair
    """Whether to read a setting that is of use only together with `name`. A recorder reads it all the same."""
    if not isinstance(env, RecordedEnvironment) or not env.reads_all:
        return needed
    env.needs = None if needed else name
    return True


def read_plain(env: Mapping[str, str], name: str, *, is_secret: bool = False) -> str:
    return noted(env, name, lambda: env.get(name, "").strip(), default="", otherwise=str, is_secret=is_secret)


def read_required(env: Mapping[str, str], name: str, parse: Callable[[str], str]) -> str:
    def read() -> str:
        raw = env.get(name, "").strip()
        if not raw:
            raise SettingsError(f"{name} is not set. Set it in the environment or in .env and start again.")
        return _parsed(name, raw, parse)

    return noted(env, name, read, default=None, otherwise=str)


def read_value(
    env: Mapping[str, str], name: str, parse: Callable[[str], T], default: str, *, is_secret: bool = False
) -> T:
    def read() -> T:
        return _parsed(name, env.get(name, "").strip() or default, parse)

    return noted(env, name, read, default=default, otherwise=lambda: parse(default), is_secret=is_secret)


def read_optional(env: Mapping[str, str], name: str, parse: Callable[[str], T]) -> T | None:
    def read() -> T | None:
        raw = env.get(name, "").strip()
        return _parsed(name, raw, parse) if raw else None

    return noted(env, name, read, default="", otherwise=lambda: None)


def _parsed(name: str, raw: str, parse: Callable[[str], T]) -> T:
    if not SETTING.fits(raw):
        raise SettingsError(f"{SETTING.sentence(name, raw)}. Correct it and start again.")
    try:
        return parse(raw)
    except ValueError as problem:
        raise SettingsError(f"{name} cannot be used: {problem}. Correct it and start again.") from None


def read_flag(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    def read() -> bool:
        raw = env.get(name, "").strip().lower()
        if raw == "":
            return default
        if raw in {"1", "true", "yes", "on"}:
            return True
        if raw in {"0", "false", "no", "off"}:
            return False
        raise SettingsError(f"{name} cannot be used: it is neither on nor off. Correct it and start again.")

    return noted(env, name, read, default="on" if default else "off", otherwise=lambda: default)


def read_secret(
    env: Mapping[str, str],
    name: str,
    demo_default: str,
    *,
    demo: bool,
    least: int,
    issuer: str | None = None,
    beside: str | None = None,
) -> str:
    """A secret may take its default in the demo only; its value never enters a message. We choose it, or an issuer does.

    `beside` names the setting that makes this one necessary, where there is no default even for the demo.
    """

    def read() -> str:
        raw = env.get(name, "").strip()
        if demo and beside and not raw:
            raise SettingsError(f"{name} is not set, but {beside} is. Set both or neither.")
        if demo:
            return raw or demo_default
        remedy = f"the one that {issuer} gave you" if issuer else f"a random value of at least {least} characters"
        if not raw:
            raise SettingsError(f"{name} is not set. Set it to {remedy}.")
        if raw == demo_default or PLACEHOLDER in raw:
            raise SettingsError(f"{name} still has a default value. Set it to {remedy}.")
        if len(raw) < least:
            raise SettingsError(f"{name} is too short. Set it to {remedy}.")
        return raw

    default = demo_default if demo else None
    return noted(env, name, read, default=default, otherwise=lambda: demo_default, is_secret=True)
