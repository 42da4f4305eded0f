"""Deciding: batches, the relay and the sweep, between the pure domain and the store."""
