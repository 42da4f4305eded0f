"""The marketplace contract: clients and practitioners (docs/contracts/marketplace.md)."""
