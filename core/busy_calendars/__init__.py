"""Busy times in: calendars that staff and practitioners name are fetched, and close their resource."""
