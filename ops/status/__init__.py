"""`holdfast status`: asks the parts of a running installation, each for a bounded time, and shows what they say."""
