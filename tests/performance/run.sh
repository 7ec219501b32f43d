#!/usr/bin/env bash
# Load tests with Artillery: the mix of mix.yml by signed-in people.
#
#   tests/performance/run.sh smoke [--url ADDRESS] [--junit FILE]    25 s, against a product started here, or that one
#   tests/performance/run.sh daily --url ADDRESS [--junit FILE]      5 min, against a running environment
#
# With --url, PRICING_EMAIL and PRICING_PASSWORD name who signs in: a buyer or more, in an organization of its own, for
# verdicts and uploads stay there; rate limits count for that person (20,000 requests an hour by default, 10 uploads).
# The report goes to test-results/performance-MIX.json. Exit status: 0 when p95 is below 200 ms and nothing failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source scripts/dev/common.sh
mix='' url='' junit=''
while [ $# -gt 0 ]; do
  case $1 in
    smoke | daily) mix=$1 ;;
    --url) url=${2:?--url needs an address} && shift ;;
    --junit) junit=$(realpath -m "${2:?--junit needs a file}") && shift ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) die "run.sh: unknown option '$1' (see --help)" ;;
  esac
  shift
done
[ -n "$mix" ] || die "run.sh: say smoke or daily (see --help)"
[ "$mix" = smoke ] || [ -n "$url" ] || die "run.sh: daily needs --url"

scripts/dev/install-packages.sh ui test
# The lock file's packages, and none of their install scripts.
stamp=tests/performance/node_modules/.installed
wanted=$(sha256sum <tests/performance/package-lock.json)
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
  (cd tests/performance && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2) ||
    die "Artillery could not be installed. Is the network, or the npm registry, reachable?"
  printf '%s' "$wanted" >"$stamp"
fi

folder=$(mktemp -d /tmp/pricing-load-XXXXXX)
chmod 755 "$folder"
server=
# shellcheck disable=SC2317  # called by the trap
finish() {
  [ -z "$server" ] || { kill -TERM "$server" && wait "$server"; } 2>/dev/null || true
  rm -rf "$folder"
}
trap finish EXIT
trap 'exit 143' TERM INT

free_port() { # P such that P, P+1, P+1101 and P+1102 are free
  python3 - <<'PYTHON'
import socket
for port in range(25000, 60000, 13):
    try:
        for offset in (0, 1, 1101, 1102):
            with socket.socket() as s:
                s.bind(("127.0.0.1", port + offset))
        print(port)
        break
    except OSError:
        pass
PYTHON
}
if [ -z "$url" ]; then
  port=$(free_port)
  bench/serve.sh --port "$port" --dir "$folder/var" >"$folder/log" 2>&1 &
  server=$!
  for ((waited = 0; waited < 9000; waited++)); do
    [ ! -e "$folder/var/ready" ] || break
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  [ -e "$folder/var/ready" ] || { tail -n 40 "$folder/log" >&2 && die "the product did not start"; }
  url=http://127.0.0.1:$port
  PRICING_EMAIL=$(sed -nE 's/^ *e-mail: *(\S+)$/\1/p' "$folder/log")
  PRICING_PASSWORD=$(sed -nE 's/^ *password: *(\S+)$/\1/p' "$folder/log")
fi
if [ -z "${PRICING_EMAIL:-}" ] || [ -z "${PRICING_PASSWORD:-}" ]; then
  die "set PRICING_EMAIL and PRICING_PASSWORD to who signs in"
fi

jq -n --arg e "$PRICING_EMAIL" --arg p "$PRICING_PASSWORD" '{email: $e, password: $p}' |
  curl -fsS -m 20 -D "$folder/headers" -H 'Content-Type: application/json' --data-binary @- "${url%/}/api/v1/auth/login" >"$folder/me" ||
  die "signing in at $url failed"
PRICING_COOKIE=$(sed -n 's/^set-cookie: *\([^;]*\).*/\1/Ip' "$folder/headers" | head -n 1)
PRICING_CSRF=$(jq -r .csrf_token "$folder/me")
export PRICING_COOKIE PRICING_CSRF PRICING_URL=${url%/}
unset PRICING_PASSWORD

report=test-results/performance-$mix.json
mkdir -p test-results
status=0
begin=$SECONDS
ARTILLERY_DISABLE_TELEMETRY=true ARTILLERY_PLUGIN_PATH=$repository/tests/performance/node_modules \
  tests/performance/node_modules/.bin/artillery run --environment "$mix" --output "$report" tests/performance/mix.yml \
  >"$folder/out" 2>&1 || status=$?
tail -n 60 "$folder/out"
# A load that never arrived would break no limit.
answers=$(jq '.aggregate.counters["http.responses"] // 0' "$report" 2>/dev/null || echo 0)
[ "${answers:-0}" -gt 100 ] || { say "only $answers answers were counted" && status=1; }
failed=$(jq '[.aggregate.counters | to_entries[] | select(.key | test("^(errors\\.|plugins\\.expect\\.failed$|vusers\\.failed$|http\\.codes\\.[45])")) | .value] | add // 0' "$report" 2>/dev/null || echo 1)
[ "$failed" = 0 ] || { say "$failed requests failed" && status=1; }
p95=$(jq -r '.aggregate.summaries["http.response_time"].p95 // "none"' "$report" 2>/dev/null || echo none)
say "$mix: $answers answers, $failed failed, p95 $p95 ms (at most 200)"
if [ -n "$junit" ]; then
  if [ "$status" = 0 ]; then junit_case "$junit" performance "$mix" $((SECONDS - begin)); else
    junit_case "$junit" performance "$mix" $((SECONDS - begin)) "$(tail -n 30 "$folder/out")"
  fi
fi
exit "$status"
