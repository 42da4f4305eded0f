"""The agents' contract: what is read of a bulk, without a server."""
