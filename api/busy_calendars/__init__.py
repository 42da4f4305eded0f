"""Calendars whose busy times close a resource: kept by staff for any, by practitioners for themselves (docs/busy-calendars.md)."""
