"""Bugs planted into a copy of the tree, each of which a run of faults must find."""
