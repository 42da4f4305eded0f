"""The admin feed over HTTP, for systems that cannot hold a socket."""
