"""How the house is kept: its folders, the names in it, its words, and references that lead somewhere."""
