"""Public reads over HTTP."""
