"""Logins, registration and passwords."""
