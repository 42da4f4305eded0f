"""Endpoints of webhooks, and their deliveries as staff read them."""
