"""gunicorn as this API runs it: its settings, its worker, and what is bent of it."""
