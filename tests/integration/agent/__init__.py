"""The agent contract, over HTTP."""
