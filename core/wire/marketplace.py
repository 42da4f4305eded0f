"""Words and answers of the marketplace contract (marketplace.md)."""

from __future__ import annotations

from typing import Literal

from core.domain.marketplace.details import Kind

BookingType = Literal["individual", "group", "course", "package", "bundle"]

KIND_WORDS: dict[Kind, BookingType] = {
    Kind.INDIVIDUAL: "individual",
    Kind.WORKSHOP: "group",
    Kind.COURSE: "course",
    Kind.PACKAGE: "package",
    Kind.BUNDLE: "bundle",
}
"""The document's `booking_type`: type `group` is a workshop (contracts page)."""

KIND_ASKED: dict[str, Kind] = {**{word: kind for kind, word in KIND_WORDS.items()}, "workshop": Kind.WORKSHOP}
