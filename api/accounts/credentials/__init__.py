"""Credentials that people and agents make for themselves: agent keys, API tokens, tickets of WebSockets."""
