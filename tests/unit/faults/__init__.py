"""Tests of the checker that judges what `make faults` left behind."""
