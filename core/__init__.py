"""What the API, the workers and the notifier share. It imports none of them."""

from core import redis_import

redis_import.patch()
