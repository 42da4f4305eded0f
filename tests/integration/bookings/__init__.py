"""Rules about bookings that hold in every contract, end to end."""
