"""What stands at the root of core: settings, logs, phones."""
