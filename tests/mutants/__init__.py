"""Mutants of the rules: is there a fast test for each of them?"""
