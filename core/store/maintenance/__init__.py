"""What keeps the tables in shape: partitions, retention, wall times after a change of rules."""
