#!/usr/bin/env bash
# Starts the product in a temporary folder and drives its pages in Chromium: tests/e2e/run.sh [--junit FILE]
# The tests read PRICING_URL, PRICING_EMAIL, PRICING_PASSWORD and PRICING_SAMPLE (a proposal to judge).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
junit=
[ "${1:-}" != --junit ] || junit=$(realpath -m "$2")
node --input-type=module -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 18 ? 0 : 1)' ||
  { echo "Node.js 18 or later is needed" >&2 && exit 1; }
chromium=$(command -v chromium || command -v chromium-browser) || { echo "Chromium is not installed" >&2 && exit 1; }

folder=$(mktemp -d /tmp/pricing-e2e-XXXXXX)
chmod 755 "$folder"
server=
# shellcheck disable=SC2317  # called by the trap
finish() {
  if [ -n "$server" ]; then
    kill -TERM "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$folder"
}
trap finish EXIT
trap 'exit 143' TERM INT

port=$(python3 - <<'PYTHON'
import socket
for port in range(23000, 60000, 11):
    try:
        for offset in (0, 1, 1101, 1102):
            with socket.socket() as s:
                s.bind(("127.0.0.1", port + offset))
        print(port)
        break
    except OSError:
        pass
PYTHON
)
export PRICING_IDENTITY_RATE_SESSION_PER_HOUR=1000000 PRICING_IDENTITY_RATE_ANONYMOUS_PER_HOUR=100000
scripts/dev/run-dev-server.sh --port "$port" --dir "$folder/var" >"$folder/server.log" 2>&1 &
server=$!
for ((waited = 0; waited < 6000; waited++)); do
  [ ! -e "$folder/var/ready" ] || break
  kill -0 "$server" 2>/dev/null || { tail -n 40 "$folder/server.log" >&2 && exit 1; }
  sleep 0.1
done
[ -e "$folder/var/ready" ] || { tail -n 40 "$folder/server.log" >&2 && exit 1; }

PRICING_EMAIL=$(grep -oE '[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+[A-Za-z0-9]' "$folder/server.log" | head -n 1)
PRICING_PASSWORD=$(sed -nE 's/.*[Pp]assword[^A-Za-z0-9]+([^ ]{10,})[[:space:]]*$/\1/p' "$folder/server.log" | head -n 1)
export PRICING_EMAIL PRICING_PASSWORD PRICING_URL="http://127.0.0.1:$port" PRICING_CHROMIUM=$chromium
export PRICING_SAMPLE="$folder/var/demo/sample_proposal.csv"

reporters=(--test-reporter=spec --test-reporter-destination=stdout)
if [ -n "$junit" ] && node --help | grep -q -- --test-reporter && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ]; then
  reporters+=(--test-reporter=junit --test-reporter-destination="$junit")
fi
cd ui
status=0
NODE_PATH=$PWD/node_modules node --test --test-concurrency=1 "${reporters[@]}" ../tests/e2e/*.spec.mjs || status=$?
if [ -n "$junit" ] && [ ! -s "$junit" ]; then
  # Node.js 18 has no JUnit reporter: one case for the whole run.
  cd ..
  # shellcheck source=scripts/dev/common.sh
  source scripts/dev/common.sh
  junit_case "$junit" e2e pages 0 "$([ "$status" -eq 0 ] || echo "the end-to-end tests failed")"
fi
exit "$status"
