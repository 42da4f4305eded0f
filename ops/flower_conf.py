"""Flower's options, from our settings. Flower executes this file: the names are its own."""

import sys

from core.doctor.redis_server import examine_redis
from core.logs import configure
from core.startup import refuse_unusable_stores
from ops import flower_security
from ops.flower_app import settings

_settings = settings
if not _settings.flower:
    sys.exit("holdfast: Flower is off here. Set HOLDFAST_FLOWER=1 and HOLDFAST_FLOWER_PASSWORD, and start it again.")
configure(_settings.log_level, "flower")  # in place of tornado's own, which Flower has set up by now
refuse_unusable_stores(_settings, examine_redis)

address = _settings.flower_host
port = _settings.flower_port
url_prefix = "flower"
basic_auth = [f"{_settings.flower_user}:{_settings.flower_password}"]
max_tasks = 2_000
max_workers = 200
purge_offline_workers = 300
persistent = False
inspect_timeout = 1_500.0
flower_security.install(_settings)
read_only = True  # a view: somebody who finds the password still cannot stop a worker
