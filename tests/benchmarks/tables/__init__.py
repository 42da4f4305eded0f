"""Tables of a million rows, filled for the benchmarks."""
