"""Calendar files, by what other libraries read in them."""
