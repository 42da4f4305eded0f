"""The calendar's time slots: offered, changed, booked, made by a weekly pattern."""
