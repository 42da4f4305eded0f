"""What leaves the house: planned from the feed, leased, sent, tried again, parked; workers killed and receivers that hang."""
