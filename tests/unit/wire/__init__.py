"""core/wire: answers and their words."""
