"""Traces without their processes."""
