"""Requests to URLs that somebody names, without the network."""
