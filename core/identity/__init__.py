"""People and their logins: passwords, sessions, refresh families, tokens, tickets."""
