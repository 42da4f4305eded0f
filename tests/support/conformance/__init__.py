"""What holds every answer that a test hears to the description."""
