"""Clients of the API: over HTTP, over sockets, and requests to a responder alone."""
