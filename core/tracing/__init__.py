"""Traces by OpenTelemetry, where an endpoint is configured. Only `otlp` imports its packages, and only then is it imported."""
