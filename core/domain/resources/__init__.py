"""What is booked and when: time zones, hours, claims, closures."""
