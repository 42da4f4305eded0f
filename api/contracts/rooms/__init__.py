"""The rooms contract: rooms booked in slots, held until they are paid (docs/contracts/rooms.md)."""
