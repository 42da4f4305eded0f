"""PostgreSQL: tables, inbox, batch load and save, feed, migrations."""
