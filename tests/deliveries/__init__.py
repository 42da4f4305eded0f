"""What `make deliveries` shows: events to endpoints that answer, hang, are dead or fail in turns, while parts are killed."""
