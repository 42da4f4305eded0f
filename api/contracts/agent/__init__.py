"""The agent contract: call centres and systems that book for a phone number (docs/contracts/agent.md)."""
