"""Falcon: parse, hand over, render."""
