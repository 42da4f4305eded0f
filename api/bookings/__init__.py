"""The paths where the contracts' documents meet: `/api/bookings/` and `/api/bookings/{id}/`.

They belong to no contract. What a body asks for is handed to the contract that it is written
for; a booking is shown in the shape of the contract that it was made through.
"""
