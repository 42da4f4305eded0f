"""On the PYTHONPATH of programs that are to be confined, and never imported: see `sitecustomize`."""
