"""The command line, the table of processes, checks and deploy files."""
