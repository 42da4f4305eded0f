from __future__ import annotations

import sys

from tests.support.payments.stripe_standin.server import StandIn

StandIn(int(sys.argv[1])).serve_forever()
