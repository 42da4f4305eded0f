"""The WebSocket feeds, end to end."""
