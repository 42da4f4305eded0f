"""Payers, and simulations of payments and purchases."""
