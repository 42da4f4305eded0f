"""Invented histories and inputs against the rules (Hypothesis)."""
