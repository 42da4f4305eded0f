"""The appointments contract: a service business with hours, off days and an admin desk (docs/contracts/appointments.md)."""
