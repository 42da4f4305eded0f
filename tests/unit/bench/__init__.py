"""What `make bench` makes of what it measured."""
