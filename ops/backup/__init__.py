"""Backup and restore: one file with a manifest, PostgreSQL's own dump and a checksum."""
