"""notifier: the hub and its messages."""
