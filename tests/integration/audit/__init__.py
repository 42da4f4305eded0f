"""The audit log: who changed what, and that it can only be added to."""
