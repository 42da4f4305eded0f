"""What the pages ask the API for, beside the contracts."""
