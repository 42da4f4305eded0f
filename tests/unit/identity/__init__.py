"""core/identity: names, passwords and tokens."""
