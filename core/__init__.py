"""What the API, the workers and the notifier share. It imports none of them."""

from core import garbage_collector, hidden_imports

garbage_collector.begin()
hidden_imports.patch()
