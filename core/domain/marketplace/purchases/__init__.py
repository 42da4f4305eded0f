"""What is bought and paid as one: sessions, seats, courses, packages, bundles."""
