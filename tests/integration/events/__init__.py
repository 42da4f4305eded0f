"""The admin feed over HTTP, beside the socket that tells the same."""
