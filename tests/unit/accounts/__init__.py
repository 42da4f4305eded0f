"""api/accounts: roles, cookies, limits, outages."""
