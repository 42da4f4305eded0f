#!/bin/sh
# What `make check` says about web/: its types (tsc), its form and its faults (biome), and the policies of its pages.
# The tools come from npm by a lock file, into .tools/web, and are installed anew when the lock changes. `check.sh fix`
# formats and fixes what can be fixed.
set -eu
cd "$(dirname "$0")/../.."
tools=.tools/web
bin="$tools/node_modules/.bin"
command -v npm >/dev/null 2>&1 || {
    echo "holdfast: make check needs npm: apt-get update && apt-get install --yes npm" >&2
    exit 1
}
if ! cmp -s ops/web/package-lock.json "$tools/installed.json"; then
    mkdir -p "$tools"
    cp ops/web/package.json ops/web/package-lock.json ops/web/.npmrc "$tools/"
    (cd "$tools" && npm ci --no-progress >/dev/null)
    cp ops/web/package-lock.json "$tools/installed.json"
fi
if [ "${1:-}" = fix ]; then
    exec "$bin/biome" check --colors=off --config-path=ops/web --write web
fi
"$bin/biome" ci --colors=off --config-path=ops/web --error-on-warnings web
"$bin/tsc" --project ops/web/tsconfig.json
NODE_PATH="$tools/node_modules" node ops/web/policies.cjs
