"""The invariants, judged afterwards from the clients' histories and the database."""
