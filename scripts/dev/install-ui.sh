#!/usr/bin/env bash
# Installs the user interface's packages from its lock file, only when the lock file changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../ui"
stamp=node_modules/.installed
wanted=$(cat package.json package-lock.json | sha256sum)
if [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then exit 0; fi
# Some versions of npm write lock files without the optional packages of other platforms and then refuse them in
# "npm ci"; "npm install --no-save" takes the versions of the same lock file.
npm ci --no-audit --no-fund --loglevel=silent >&2 || npm install --no-save --no-audit --no-fund --loglevel=error >&2 || {
  echo "Installing the packages of ui/ failed (see above). Is the network, or the npm registry, reachable?" >&2
  exit 1
}
printf '%s' "$wanted" >"$stamp"
