"""What needs no server; a folder a room of the code."""
