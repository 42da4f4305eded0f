"""api/http and the contracts: bodies, parameters, messages, refusals."""
