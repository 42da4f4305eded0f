"""Parts are killed, stopped and emptied while clients book; then the books are balanced (`make faults`)."""
