"""What `holdfast doctor`, `migrate` and every start look at: checks, each with its severity and its remedy."""
