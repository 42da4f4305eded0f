"""Calendar files (RFC 5545) of bookings, pure: values in, bytes out."""
