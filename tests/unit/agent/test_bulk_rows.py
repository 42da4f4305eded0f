"""A bulk's body, cut into rows: each format, in pieces of any size, and what cannot be cut with certainty."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.contracts.agent.bulk.bulk_request import FORMATS
from api.contracts.agent.bulk.csv_rows import CsvRows
from api.contracts.agent.bulk.rows import ROW_MAX_BYTES, JsonRows, NdjsonRows, Row, RowSplitter
from api.http.errors import Problem
from core.spreadsheets import restored

HEADER = "phone,service_name,booking_date,booking_time,notes\n"
CELL = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
ROWS = st.lists(st.fixed_dictionaries(dict.fromkeys(HEADER.strip().split(","), CELL)), max_size=6)


def split(splitter: RowSplitter, body: bytes, piece: int = 1 << 16) -> list[Row]:
    return list(_split(splitter, body, piece))


def _split(splitter: RowSplitter, body: bytes, piece: int) -> Iterator[Row]:
    for at in range(0, len(body), piece):
        yield from splitter.feed(body[at : at + piece])
    yield from splitter.end()


def read(splitter: RowSplitter, body: bytes, piece: int = 1 << 16) -> list[Any]:
    """Each row as a value; the code of one that cannot be read."""
    return [row.code if isinstance(row, Problem) else json.loads(row) for row in split(splitter, body, piece)]


@pytest.mark.parametrize("splitter", [NdjsonRows, JsonRows])
@pytest.mark.parametrize("number", ["1e999999999", "9" * 5000])
def test_a_row_with_a_number_beyond_all_bounds_is_a_row(splitter: type[RowSplitter], number: str) -> None:
    """It is refused by itself, when it is read: the body is whole."""
    row = f'{{"phone": {number}}}'.encode()
    assert split(splitter(), row if splitter is NdjsonRows else b"[" + row + b"]") == [row]


def refusal(splitter: RowSplitter, body: bytes, piece: int = 1 << 16) -> Problem:
    with pytest.raises(Problem) as refused:
        split(splitter, body, piece)
    assert refused.value.status == 400
    return refused.value


def as_csv(rows: list[dict[str, str]]) -> str:
    def line(row: dict[str, str]) -> str:
        return ",".join('"' + row[name].replace('"', '""') + '"' for name in HEADER.strip().split(","))

    return HEADER + "".join(line(row) + "\r\n" for row in rows)


@given(rows=ROWS, piece=st.integers(1, 40))
def test_a_csv_means_the_same_however_it_arrives(rows: list[dict[str, str]], piece: int) -> None:
    """A row of nothing but blanks is none, and a formula loses the `'` that keeps spreadsheets from running it."""
    sent = [
        {name: restored(cell) for name, cell in row.items() if cell}
        for row in rows
        if any(map(str.strip, row.values()))
    ]
    assert read(CsvRows(), as_csv(rows).encode(), piece) == sent


@given(rows=ROWS, piece=st.integers(1, 40), indent=st.sampled_from([None, 1]))
def test_a_json_array_means_the_same_however_it_arrives(
    rows: list[dict[str, str]], piece: int, indent: int | None
) -> None:
    body = json.dumps(rows, ensure_ascii=False, indent=indent)
    assert read(JsonRows(), body.encode(), piece) == rows


@given(rows=ROWS, piece=st.integers(1, 40))
def test_ndjson_means_the_same_however_it_arrives(rows: list[dict[str, str]], piece: int) -> None:
    body = "\n\n".join(json.dumps(row) for row in rows)
    assert read(NdjsonRows(), body.encode(), piece) == rows


def test_every_value_of_an_array_is_a_row_whatever_it_is() -> None:
    body = b' [ 1, -2.5e3 ,"x", null, [[]], {"a": {"b": "]"}} ] \n'
    assert read(JsonRows(), body, 1) == [1, -2500.0, "x", None, [[]], {"a": {"b": "]"}}]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[", b"[1", b"[1,", b"[1,]", b"[,1]", b"[1 2]", b"[1]]", b"[1][2]", b"{}", b"null", b"[nul]",
        b"[NaN]", b"[Infinity]", b'["a]', b'[{"a": 1]', b"[\x00]", b"[" * 2_000, b"[{'a': 1}]",
    ],
)  # fmt: skip
@pytest.mark.parametrize("piece", [1 << 16, 3])
def test_what_is_no_whole_json_array_is_refused_whole(body: bytes, piece: int) -> None:
    assert refusal(JsonRows(), body, piece).code == "malformed_json"


def test_an_ndjson_line_that_is_not_json_is_a_row_of_its_own() -> None:
    assert split(NdjsonRows(), b'{"a": 1}\n{nonsense\n\n  \n{"b": 2}\n') == [b'{"a": 1}', b"{nonsense", b'{"b": 2}']


def test_an_ndjson_body_that_ends_in_the_middle_of_a_line_is_refused_whole() -> None:
    problem = refusal(NdjsonRows(), b'{"a": 1}\n{"b": ')
    assert problem.code == "unreadable_body"
    assert "row 2" in problem.message


def test_a_byte_order_mark_is_no_part_of_the_first_row() -> None:
    mark = b"\xef\xbb\xbf"
    assert read(JsonRows(), mark + b"[1]", 2) == [1]
    assert split(NdjsonRows(), mark + b"1\n") == [b"1"]
    assert read(CsvRows(), mark + HEADER.encode() + b"1,,,,\n", 2) == [{"phone": "1"}]


def test_csv_columns_may_come_in_any_order_and_case() -> None:
    body = b"Booking_Time, booking_date ,SERVICE_NAME,phone\n14:00,2030-01-07,Legal,1234567890\n"
    assert read(CsvRows(), body) == [
        {"booking_time": "14:00", "booking_date": "2030-01-07", "service_name": "Legal", "phone": "1234567890"}
    ]


def test_quoted_cells_keep_commas_quotes_and_line_ends() -> None:
    body = HEADER + '1,"A, B","say ""x""","two\nlines",\n\r\n2,C,,,\n'
    assert read(CsvRows(), body.encode()) == [
        {"phone": "1", "service_name": "A, B", "booking_date": 'say "x"', "booking_time": "two\nlines"},
        {"phone": "2", "service_name": "C"},
    ]


def test_a_csv_row_with_too_few_or_too_many_cells_is_that_rows_own_problem() -> None:
    body = HEADER + '1,A,2030-01-07,09:00,\n1,A\n1,A,2030-01-07,10:00,,x\n"1"2,A,,,\n1,A,2030-01-07,11:00,\n'
    found = read(CsvRows(), body.encode())
    assert [row if isinstance(row, str) else row["booking_time"] for row in found] == [
        "09:00", "malformed_row", "malformed_row", "malformed_row", "11:00",
    ]  # fmt: skip


@pytest.mark.parametrize("end", ['1,A,"2030-01-07', "1,A", '"1,A\n2,B,,,\n3,C,,,\n'])
def test_a_csv_that_is_cut_off_or_whose_quotes_do_not_match_is_refused_whole(end: str) -> None:
    problem = refusal(CsvRows(), (HEADER + "1,A,2030-01-07,09:00,\n" + end).encode())
    assert problem.code == "unreadable_body"
    assert problem.problems[0].field == "row 2"


def test_a_last_csv_row_needs_no_line_end() -> None:
    assert len(read(CsvRows(), (HEADER + "1,A,2030-01-07,09:00,").encode())) == 1


def test_a_header_that_does_not_fit_names_every_column_that_is_wrong() -> None:
    problem = refusal(CsvRows(), b"phone,phone,booking_date,time\n1,1,2030-01-07,09:00\n")
    assert [(p.field, p.message) for p in problem.problems] == [
        ("time", "Unknown column: time"),
        ("phone", "Column given twice: phone"),
        ("service_name", "Missing column: service_name"),
        ("booking_time", "Missing column: booking_time"),
    ]
    assert problem.code == "invalid"


@pytest.mark.parametrize(
    ("splitter", "body"),
    [
        (JsonRows, b'["' + b"x" * ROW_MAX_BYTES + b'"]'),
        (NdjsonRows, b'"' + b"x" * ROW_MAX_BYTES + b'"\n'),
        (CsvRows, HEADER.encode() + b"x" * ROW_MAX_BYTES + b",,,,\n"),
        (CsvRows, b'"' + b"\n" * ROW_MAX_BYTES),
    ],
)
@pytest.mark.parametrize("piece", [1 << 20, 1 << 12])
def test_a_row_longer_than_a_single_call_may_be_is_refused_with_the_whole_body(
    splitter: type[JsonRows | NdjsonRows | CsvRows], body: bytes, piece: int
) -> None:
    assert refusal(splitter(), body, piece).code in {"unreadable_body", "malformed_json"}


@pytest.mark.parametrize("splitter", [JsonRows, CsvRows])
def test_what_is_not_utf8_is_refused_whole(splitter: type[JsonRows | CsvRows]) -> None:
    body = b'["caf\xe9"]' if splitter is JsonRows else HEADER.encode() + b"1,caf\xe9,,,\n"
    assert "UTF-8" in refusal(splitter(), body).message


@given(body=st.binary(max_size=200), piece=st.integers(1, 50))
def test_no_bytes_at_all_are_more_than_refused(body: bytes, piece: int) -> None:
    for splitter in set(FORMATS.values()):
        rows: list[Row | Problem] = []
        try:
            rows += split(splitter(), body, piece)
        except Problem as problem:
            rows.append(problem)
        assert all(row.status == 400 for row in rows if isinstance(row, Problem))
