"""The calendar contract: people pick time slots by category on a live calendar (docs/contracts/calendar.md)."""
