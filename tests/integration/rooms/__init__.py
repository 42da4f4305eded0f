"""The rooms contract, over HTTP."""
