"""What clients notice of `migrate`, and of every process restarted in turn: `make rolling`."""
