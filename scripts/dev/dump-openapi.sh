#!/usr/bin/env bash
# Writes docs/api/web.json and docs/api/ml.json, what /api/v1/openapi.json of both services says, for people to read:
#
#   scripts/dev/dump-openapi.sh [--check]     --check compares and writes nothing; the infrastructure tests call it
#
# Uses the built pricing-web and pricing-ml on ports of their own. They describe themselves from their tables of routes,
# so neither database nor Redis is needed. PRICING_BINARIES names another folder of binaries than build/release/bin.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$repository"
check=false
case ${1:-} in
  --check) check=true ;;
  '') ;;
  -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0" && exit 0 ;;
  *) die "dump-openapi.sh: unknown option '$1' (--check)" ;;
esac
binaries=${PRICING_BINARIES:-build/release/bin}
folder=$(mktemp -d)
pid=
finish() {
  [ -z "$pid" ] || { kill "$pid" && wait "$pid"; } 2>/dev/null || true
  rm -rf "$folder"
}
trap finish EXIT

describe() { # NAME: what pricing-NAME says of itself, in a form that shows changes line by line
  local port waited
  [ -x "$binaries/pricing-$1" ] || die "$binaries/pricing-$1 is not built"
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  PRICING_HTTP_PORT=$port PRICING_IDENTITY_SECRET=$(printf '0%.0s' {1..64}) PRICING_STORAGE_ROOT=$folder/objects \
    PRICING_POSTGRES_URL="host=$folder user=nobody dbname=none" PRICING_REDIS_SOCKET=$folder/none PRICING_UI_ROOT='' \
    "$binaries/pricing-$1" >"$folder/log" 2>&1 &
  pid=$!
  for ((waited = 0; waited < 200; waited++)); do
    if curl -fs "http://127.0.0.1:$port/api/v1/openapi.json" >"$folder/raw"; then break; fi
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  kill "$pid" 2>/dev/null && { wait "$pid" 2>/dev/null || true; }
  pid=
  [ -s "$folder/raw" ] || { cat "$folder/log" >&2 && die "pricing-$1 did not answer"; }
  jq . "$folder/raw" >"$folder/$1.json"
}

for name in web ml; do
  describe "$name"
  if $check; then
    diff -u "docs/api/$name.json" "$folder/$name.json" >&2 || die "docs/api/$name.json is old: run scripts/dev/dump-openapi.sh"
  else
    cp "$folder/$name.json" "docs/api/$name.json"
    say "docs/api/$name.json: $(jq '.paths | length' "docs/api/$name.json") addresses"
  fi
done
