"""Logins, mail and OpenID providers for tests."""
