"""The way to money: the port that Holdfast pays through, and Stripe behind it."""
