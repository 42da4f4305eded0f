"""What mails are made from, and what is known of the addresses that they go to."""
