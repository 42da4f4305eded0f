"""Metrics for Prometheus: their definitions, how processes share them, and what is read from PostgreSQL and Redis."""
