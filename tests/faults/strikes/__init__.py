"""What strikes a running stack, and how it is made good again."""
