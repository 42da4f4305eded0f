"""What clients read: bodies, words and shapes of the contracts, rendered from domain values.

Lives in the core because three readers need the same bytes: the waiting client, the poll, and
the push. A command's answer is rendered once, when it is decided.
"""
