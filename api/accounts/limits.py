"""How often somebody may try to log in, and why.

Only failures count at login, so a desk that logs in all day is never refused. Guessing at one
account from one address stops for minutes; guessing at it from many addresses stops all unknown
addresses for a minute at most, never those where its owner has logged in before: nobody can be locked
out for long by somebody else's guesses.
"""

from __future__ import annotations

from api.limits.throttle import Limit

GUESSES_AT_ONE = Limit("guesses-at-one", 10, 300)
"""Wrong passwords for one name, and for one account by whatever name, from one address."""
GUESSES_FROM_ADDRESS = Limit("guesses-from-address", 60, 300)
"""Wrong passwords from one address, whatever the account."""
GUESSES_FROM_UNKNOWN_ADDRESSES = Limit("guesses-by-strangers", 30, 60)
"""Wrong passwords for one name, and for one account, from all addresses that its owner has not used."""

REGISTRATIONS_OF_NAME = Limit("registrations-of-name", 5, 3600)
"""Attempts from one address to register one email address or username: answers tell whether it exists."""
RESETS_FROM_ADDRESS = Limit("resets-from-address", 20, 3600)
RESETS_OF_ACCOUNT = Limit("resets-of-account", 3, 3600)
"""Mails to one person. More are answered alike and not sent."""
RESET_CONFIRMATIONS = Limit("reset-confirmations", 20, 3600)
"""Reset tokens tried from one address."""
REFRESHES = Limit("refreshes", 600, 300)
"""From one address."""
EXPORTS = Limit("exports", 10, 3600)
"""Exports of one person's data: each reads everything that is kept about them."""
SETTINGS_CHANGES = Limit("settings-changes", 60, 3600)
"""Of one person's own settings."""
OAUTH_STARTS = Limit("oauth-starts", 60, 300)
"""Sign-ins begun with a provider from one address: each is a row until it expires."""
TICKETS_OF_USER = Limit("tickets-of-user", 60, 30)
"""As a ticket lives for half a minute, nobody has more than twice as many."""
