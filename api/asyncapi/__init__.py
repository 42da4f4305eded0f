"""The AsyncAPI 3.0 description of the WebSocket feeds, made of the types that the notifier encodes."""
