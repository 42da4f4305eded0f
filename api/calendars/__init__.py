"""Calendar files: of one booking, and by links that are subscribed to."""
