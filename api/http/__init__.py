"""What every route shares: bodies, fields, parameters, errors, answers."""
