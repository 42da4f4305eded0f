"""The previous release and this one side by side on one database."""
