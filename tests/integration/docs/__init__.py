"""The command line, `make run`, the front door, and processes that start and stop."""
