"""What an operator sees of a running installation: who is asked, for how long at most, and how it is shown."""
