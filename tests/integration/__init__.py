"""Real PostgreSQL, Valkey and processes; a folder a subject."""
