"""The HTTP feed beside the socket at length: real bookings, read by both while they are made, both cut off at random."""
