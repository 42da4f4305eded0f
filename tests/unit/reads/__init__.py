"""Public reads: what is kept of their questions and answers."""
