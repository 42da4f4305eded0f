"""`python -m ops.cli`, where nothing is installed but the code itself."""

from __future__ import annotations

import sys

from ops.cli import main

if __name__ == "__main__":
    sys.exit(main())
