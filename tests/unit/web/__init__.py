"""The pages of `web/`: how they are published, and the rules that their files keep."""
