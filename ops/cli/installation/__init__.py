"""Commands about the installation as a whole: its row in the database, which every process reads, and how it runs."""
