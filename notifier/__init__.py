"""The WebSocket server: handshakes, feeds and what each socket may hear."""
