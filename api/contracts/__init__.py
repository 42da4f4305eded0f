"""One package a contract: its paths, its bodies, its words. None imports another."""
