"""The store against real PostgreSQL and Valkey: migrations, partitions, retention, poolers, TLS."""
