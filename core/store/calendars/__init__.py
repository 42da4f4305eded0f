"""Calendar files: the booked times that they show, and the links that they are read by."""
