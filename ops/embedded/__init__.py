"""The servers that come as wheels, for a laptop, tests and a first look."""
