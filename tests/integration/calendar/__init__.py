"""The calendar contract, over HTTP."""
