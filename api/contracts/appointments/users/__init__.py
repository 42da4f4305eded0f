"""The admin desk's people (appointments.md, 7 to 13)."""
