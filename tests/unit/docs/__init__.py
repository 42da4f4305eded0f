"""The pages, held to the code that they describe."""
