"""The paths that several contracts share: `/api/bookings/`, `/api/bookings/{id}/`, and what staff do to any booking.

A new booking is handed to the contract whose field its body has; a booking is shown in the shape of the contract
that made it.
"""
