"""Accounts as staff keep them, and what becomes of personal data."""
