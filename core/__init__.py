"""What the API, the workers and the notifier share. It imports none of them."""
