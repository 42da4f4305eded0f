"""core/store: what can be said of statements without a database."""
