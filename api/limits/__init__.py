"""How much one caller may send: counters in Redis, writes a minute, undecided commands."""
