"""What the pages of `web/` need that belongs to no booking."""
