"""A simulation of the pipeline on more hardware than is at hand, with the costs that `make bench` measured."""
