"""A batch's claims by time and by holder, against a list that is searched from end to end."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from core.domain.resources.claim_index import ClaimIndex
from core.domain.values import Claim

START = datetime(2026, 3, 1, tzinfo=UTC)

hours = st.integers(0, 40)
spans = st.tuples(hours, st.integers(1, 30)).map(lambda span: (_at(span[0]), _at(span[0] + span[1])))


def _at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


@st.composite
def claims(draw: st.DrawFn) -> Claim:
    kind = draw(st.sampled_from(("booking_id", "closure_id", "session_id")))
    claim = Claim(7, *draw(spans), None)
    return replace(claim, **{kind: draw(st.integers(1, 5))})


@given(loaded=st.lists(claims()), added=st.lists(claims()), gone=st.lists(claims()), asked=spans)
def test_it_finds_what_a_walk_over_all_claims_finds(
    loaded: list[Claim], added: list[Claim], gone: list[Claim], asked: tuple[datetime, datetime]
) -> None:
    taken = ClaimIndex(loaded)
    for claim in added:
        taken.add(claim)
    before = copy(taken)
    for claim in gone:
        taken.give_back(claim.holder)

    everything = [*loaded, *added]
    left = [claim for claim in everything if claim.holder not in {one.holder for one in gone}]
    assert _keys(taken) == _keys(left)
    assert _keys(taken.touching(*asked)) == _keys([claim for claim in left if claim.overlaps(*asked)])
    assert _keys(before) == _keys(everything), "a copy changed with its original"


def _keys(found: Iterable[Claim]) -> list[str]:
    return sorted(map(repr, found))
