"""Payments: against the scripted stand-in, and with localstripe."""
