"""Webhooks without their endpoints: what is sent, and how it is signed and sealed."""
