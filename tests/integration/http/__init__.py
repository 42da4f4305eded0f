"""Every route over HTTP: what is right, what is wrong, and what the description says."""
