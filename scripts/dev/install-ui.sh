#!/usr/bin/env bash
# Installs the user interface's packages from its lock file, only when the lock file changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../ui"
stamp=node_modules/.installed
wanted=$(cat package.json package-lock.json | sha256sum)
if [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then exit 0; fi
npm ci --no-audit --no-fund --loglevel=error >&2 || {
  echo "npm ci failed (see above). Is the network, or the npm registry, reachable?" >&2
  exit 1
}
printf '%s' "$wanted" >"$stamp"
