"""gunicorn as this API runs it: its settings, its worker, and our patches of it."""
