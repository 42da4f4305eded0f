"""Connections to PostgreSQL: bounded, pooled, pipelined."""
