"""Benchmarks: `make bench`, or `python -m tests.benchmarks --help`.

Each starts a stack of its own (durable PostgreSQL, Valkey, the real processes) and measures it
from outside with a load generator in a process of its own.
"""
