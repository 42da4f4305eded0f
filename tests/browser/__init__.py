"""What a real browser does: pages, sockets, Swagger UI."""
