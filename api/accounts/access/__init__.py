"""Who is calling, and whether the route lets them in."""
