"""core/domain: the rules, one behaviour a test."""
