"""The week of the demo."""
