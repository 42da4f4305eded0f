"""How much a caller may send, counted in Redis."""
