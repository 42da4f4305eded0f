"""Phone numbers as people copy them and spreadsheets mangle them: understood, or refused in words that help."""

from __future__ import annotations

import json
import unicodedata

import pytest

from api.contracts.agent.new_booking import AgentBooking
from api.contracts.agent.new_booking import place_command as asked
from api.contracts.appointments.users.user_fields import PersonChange
from api.http.bodies import parse_json
from api.http.errors import Problem
from core.domain.commands import PersonByPhone
from core.identity.phones import PhoneFault, phone_fault, phone_key, plain_phone

NUMBER = "2025551050"
E164 = "+12025551050"
ONE_NUMBER = (
    "+1\u00a0202\u00a0555\u00a01050",
    "+1\u202f(202)\u2009555\u20111050",
    "202\u2011555\u20111050",
    "202\u2013555\u20141050",
    "202\u2212555\u22121050",
    "\u202a+1 202-555-1050\u202c",
    "\u2066202-555-1050\u2069",
    "\u200e202-555-1050\u200f",
    "\u061c2025551050",
    "\uff12\uff10\uff12\uff15\uff15\uff15\uff11\uff10\uff15\uff10",
    "\uff0b\uff11\u3000202\u3000555\u30001050",
    " 202.555.1050 ",
)
"""Blanks, hyphens, marks of direction and digits that phones, messengers and word processors put in."""
REFUSED = (
    ("2025551050.0", PhoneFault.DECIMAL),
    ("2025551050.00", PhoneFault.DECIMAL),
    ("2025551050,0", PhoneFault.DECIMAL),
    ("2025551050.5", PhoneFault.DECIMAL),
    ("\u0662\u0660\u0662\u0665\u0665\u0665\u0661\u0660\u0665\u0660.0", PhoneFault.DECIMAL),
    ("2.02555E+09", PhoneFault.SHORTENED),
    ("2,02555E+09", PhoneFault.SHORTENED),
    ("2.02555105e9", PhoneFault.SHORTENED),
    ("2E+09", PhoneFault.SHORTENED),
    ("+1 202 555 1050 ext. 5", PhoneFault.EXTENSION),
    ("202-555-1050 x5", PhoneFault.EXTENSION),
    ("202-555-1050;ext=5", PhoneFault.EXTENSION),
    ("202-555-1050 #5", PhoneFault.EXTENSION),
    ("202\u2011555\u20111050\u00a0\u0434\u043e\u0431.\u00a05", PhoneFault.EXTENSION),
    ("2025551050\u200d", PhoneFault.HIDDEN),
    ("202\u200c5551050", PhoneFault.HIDDEN),
    ("\ufeff2025551050", PhoneFault.HIDDEN),
    ("202\u00ad5551050", PhoneFault.HIDDEN),
    ("2025551050\u00b2", PhoneFault.OTHER),
    ("2025551050 \u2460", PhoneFault.OTHER),
    ("1-800-FLOWERS", PhoneFault.OTHER),
    ("########", PhoneFault.OTHER),
    ("#ERROR!", PhoneFault.OTHER),
)
PLACE = {"service_name": "Legal", "booking_date": "2030-01-07", "booking_time": "09:00"}


@pytest.mark.parametrize("raw", ONE_NUMBER, ids=ascii)
def test_a_number_is_the_same_person_however_it_is_written(raw: str) -> None:
    assert phone_key(raw, "US") == E164
    assert (phone_key(raw, None) or "").endswith(NUMBER)
    assert plain_phone(raw).isascii()
    place = asked(parse_json(json.dumps({**PLACE, "phone": raw}).encode(), AgentBooking), "US")
    assert isinstance(place.person, PersonByPhone)
    assert (place.person.phone_key, place.person.phone) == (E164, plain_phone(raw))


def test_the_digits_of_every_script_are_digits() -> None:
    zeros = [chr(code) for code in range(0x110000) if unicodedata.decimal(chr(code), 1) == 0]
    assert len(zeros) > 60
    for zero in zeros:
        assert phone_key("".join(chr(ord(zero) + int(digit)) for digit in NUMBER), "US") == E164


@pytest.mark.parametrize(("raw", "fault"), REFUSED, ids=ascii)
def test_what_is_no_number_is_refused_in_words_that_say_what_to_do(raw: str, fault: PhoneFault) -> None:
    assert phone_fault(raw) is fault
    assert phone_key(raw, "US") is phone_key(raw, None) is None
    for kind, body in ((AgentBooking, {**PLACE, "phone": raw}), (PersonChange, {"phone": raw})):
        with pytest.raises(Problem) as refused:
            parse_json(json.dumps(body).encode(), kind)
        assert [problem.field for problem in refused.value.problems] == ["phone"]
        if fault is not PhoneFault.HIDDEN:  # the form of the field may have refused it first
            assert refused.value.message == fault.value
