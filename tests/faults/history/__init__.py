"""What client processes noted of every request, and what their operations amount to."""
