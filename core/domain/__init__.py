"""The booking rules: pure, typed, without I/O, clock or randomness."""
