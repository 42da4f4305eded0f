"""ops: processes, locks, the compose file, reports."""
