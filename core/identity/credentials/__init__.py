"""What proves who somebody is, as PostgreSQL keeps it."""
