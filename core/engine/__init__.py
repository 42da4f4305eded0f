"""The engine between the pure domain and the store: lanes decide batches, the relay numbers events, sweeps find the rest."""
