"""Signing in with Google and GitHub: authorization code, PKCE, state bound to the browser."""
