"""Public reads: asked in shared round trips, and answered with kept bytes while those are true."""
