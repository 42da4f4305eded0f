"""Mutants of the rules: small changes of core/domain, which unit and property tests must notice."""
