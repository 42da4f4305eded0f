"""Metrics without a server: their definitions, their page, and how processes share them."""
