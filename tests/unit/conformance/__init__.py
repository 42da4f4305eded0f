"""The descriptions of the API and its feeds, and the checks that hold answers to them."""
