"""Requests to addresses that somebody else names: which of them may be called, and how."""
