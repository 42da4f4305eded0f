"""What can be booked, kept by plain transactions: services, rooms, categories and the rest."""
