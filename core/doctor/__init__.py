"""The checks of `holdfast doctor`, `migrate` and every start, each with its severity and its remedy."""
