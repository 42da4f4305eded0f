"""The marketplace contract: clients and practitioners (marketplace.md)."""
