"""Pictures for the pages, made from a stack that runs: `make pictures`."""
