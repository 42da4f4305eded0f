"""The order of day and month in a CSV's dates: one for the whole file.

A spreadsheet that shows the month first saves 5 February as `2/5/2030`, which is read as 2 May; only a date such as
`2/14/2030` gives it away.
"""

from __future__ import annotations

from api.contracts.agent.date_formats import DateOrder, date_order


class DateOrders:
    """The first date of each order that a file has shown so far, and its line."""

    def __init__(self) -> None:
        self._first: dict[DateOrder, str] = {}

    def conflict(self, line: int, sent: str) -> str:
        """What is wrong once a file has shown both orders; empty until then."""
        order = date_order(sent)
        if order is None or order in self._first:
            return ""
        self._first[order] = f"{sent.strip()} in line {line}"
        if len(self._first) < len(DateOrder):
            return ""
        return (
            f"the dates are in two orders: {self._first[DateOrder.DAY_FIRST]} is read with the day first, and "
            f"{self._first[DateOrder.MONTH_FIRST]} can only be read with the month first; "
            "format the column as yyyy-mm-dd"
        )
