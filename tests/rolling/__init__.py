"""Every process restarted, one after another, while clients book: `make rolling`."""
