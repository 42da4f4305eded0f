"""Accounts: login, sessions, tokens, OAuth, and who may do what (`roles`)."""

from api.accounts.composition import Accounts

__all__ = ["Accounts"]
