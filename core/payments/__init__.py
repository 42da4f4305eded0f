"""The port that Holdfast pays through, and Stripe behind it."""
