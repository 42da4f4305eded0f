"""What each contract answers: bodies in its own words."""
