"""core/engine: whose fault a failure is."""
