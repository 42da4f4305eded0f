"""Accounts over real HTTP, PostgreSQL and Valkey; of the pipeline only the API runs."""
