"""The tools of the tests themselves: the stack and the benchmarks."""
