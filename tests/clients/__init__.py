"""Clients that stock generators make of the description: generated, compiled and used. `make clients`."""
