"""Commands that read out what Holdfast knows: its settings, its feed, its bookings, and what it keeps of a person."""
