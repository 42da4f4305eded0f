"""The rule of folding in Python and its twin in PostgreSQL say the same."""

from __future__ import annotations

import random
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence

from core.domain.names import folded
from core.store.connections.database import Connection
from tests.conftest import FIGURE

POINTS_EACH = 256
SQL_FOLDED = "SELECT folded(one) FROM unnest(%s::text[]) WITH ORDINALITY AS t (one, place) ORDER BY place"


def every_character() -> Iterator[list[str]]:
    """All that a text of PostgreSQL can hold."""
    for first in range(0, sys.maxunicode + 1, POINTS_EACH):
        points = range(max(first, 1), first + POINTS_EACH)
        yield [chr(point) for point in points if not 0xD800 <= point <= 0xDFFF]


def in_postgresql(connection: Connection, texts: Sequence[str]) -> list[str]:
    return [row[0] for row in connection.execute(SQL_FOLDED, (list(texts),)).fetchall()]


def test_every_character_folds_alike(connection: Connection, record_property: Callable[[str, object], None]) -> None:
    """In texts of many, and one by one where those differ. What differs may only be what Python does not know yet."""
    blocks = [block for block in every_character() if block]
    texts = ["x".join(("", *block, "")) for block in blocks]
    differ = [
        block
        for block, text, found in zip(blocks, texts, in_postgresql(connection, texts), strict=True)
        if found != folded(text)
    ]
    suspects = [f"x{one}x" for block in differ for one in block]
    odd = [
        text[1]
        for text, found in zip(suspects, in_postgresql(connection, suspects), strict=True)
        if found != folded(text)
    ]
    assert [hex(ord(one)) for one in odd if unicodedata.category(one) != "Cn"] == []
    ((version,),) = connection.execute("SELECT unicode_version()").fetchall()
    characters = sum(map(len, blocks))
    record_property(
        FIGURE,
        f"folding: {characters:,} characters compared, Python's Unicode {unicodedata.unidata_version} with PostgreSQL's "
        f"{version}; {len(odd)} that Python does not know yet differ",
    )


def test_texts_fold_alike(connection: Connection) -> None:
    """Marks in any order, blanks and invisible characters anywhere."""
    dice = random.Random(15)  # noqa: S311 - the same texts in every run
    pieces = ["A", "ß", "İ", "\u0131", "e", "\u0301", "\u0345", "\u0327", "Σ", "ς", "\u1100", "\u1161", "\u11a8", "가"]
    pieces += [
        " ",
        "\u00a0",
        "\t",
        "\u2028",
        "\u3000",
        "\u200d",
        "\u200c",
        "\ufe0f",
        "¨",
        "ﬁ",
        "\uff14",
        "\ufdfa",
        "क",
        "\u094d",
    ]
    texts = ["".join(dice.choices(pieces, k=dice.randint(0, 9))) for _ in range(5_000)]
    assert in_postgresql(connection, texts) == [folded(text) for text in texts]
