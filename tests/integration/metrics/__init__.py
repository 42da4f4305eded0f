"""Metrics of a running stack, as Prometheus scrapes them."""
