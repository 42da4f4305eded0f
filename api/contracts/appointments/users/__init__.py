"""The admin desk's people (docs/contracts/appointments.md, 7 to 13)."""
