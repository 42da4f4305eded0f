"""core/payments: settings and webhooks."""
