"""Helpers of the tests, named by what they drive."""
