"""Users at the admin desk (docs/contracts/appointments.md)."""
