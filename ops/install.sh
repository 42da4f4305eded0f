#!/bin/sh
# Finds a Python that will do and lets it build .venv: sh ops/install.sh LOCK_FILE [FOLDER]
set -eu

will_do() {
    # Run it: a name on the PATH may be a shim for a version that is not there, or no Python at all.
    [ "$("$1" -c 'import sys; print(sys.version_info >= (3, 11))' 2>/dev/null)" = True ]
}

# A person who names one wants that one: another is never taken in its place.
if [ -n "${PYTHON:-}" ] && ! will_do "$PYTHON"; then
    if version=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) && [ -n "$version" ]; then
        echo "holdfast: PYTHON=$PYTHON is Python $version, and 3.11 or newer is needed. Name another one, or leave PYTHON= out." >&2
    else
        echo "holdfast: PYTHON=$PYTHON cannot be run as a Python. Name one that can (PYTHON=/usr/bin/python3), or leave PYTHON= out." >&2
    fi
    exit 1
fi

for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11 python; do
    [ -n "$candidate" ] || continue
    if will_do "$candidate"; then
        exec "$candidate" "$(dirname "$0")/install.py" "$@"
    fi
done

echo "holdfast: Python 3.11 or newer is needed and was not found. Install it (apt-get install python3 python3-venv), or name one with PYTHON=." >&2
exit 1
