"""Pieces of SQL that several statements share, and the tables as SQLAlchemy sees them."""
