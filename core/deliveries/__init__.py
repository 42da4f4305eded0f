"""What leaves the house: the one pattern of all senders. A sender plans deliveries from the feed and sends them."""
