#!/usr/bin/env bash
# Builds the user interface into ui/dist.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../ui"
../scripts/dev/install-ui.sh
echo "Building the user interface" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! npm run --silent build >"$log" 2>&1; then
  tail -n 40 "$log" >&2
  exit 1
fi
