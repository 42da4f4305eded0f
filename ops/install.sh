#!/bin/sh
# Finds a Python that will do and lets it build .venv: sh ops/install.sh LOCK_FILE [FOLDER]
set -eu

for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11 python; do
    [ -n "$candidate" ] || continue
    # Run it: a name on the PATH may be a shim for a version that is not there.
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        exec "$candidate" "$(dirname "$0")/install.py" "$@"
    fi
done

echo "holdfast: Python 3.11 or newer is needed and was not found. Install it (apt-get install python3 python3-venv), or name one with PYTHON=." >&2
exit 1
