"""All tests. `make help` names the layers; helpers are in `support`."""
