"""Commands that show or export what Holdfast knows: its settings, its feed, its bookings, the data of a person."""
