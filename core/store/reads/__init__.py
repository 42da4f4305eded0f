"""Reads that many ask for at once: requests that wait for the database share round trips."""
