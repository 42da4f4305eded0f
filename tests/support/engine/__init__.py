"""Lanes, batches and a calendar, driven without the API."""
