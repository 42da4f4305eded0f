"""The appointments contract and its desk, over HTTP."""
