"""Commands between client and lane: accepted, followed, repeated, withdrawn, lost."""
