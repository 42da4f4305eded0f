"""The marketplace: practitioners' sessions, workshops, courses, packages and bundles of credits."""
