"""The paths that several contracts share: `/api/bookings/` and `/api/bookings/{id}/`.

A new booking is handed to the contract whose field its body has; a booking is shown in the shape of the contract
that made it.
"""
