#!/usr/bin/env bash
# What answers of pricing-ml cost to make and to look for in Redis, and from which size on a look pays
# (answer_cache.cpp), with a private Redis over TCP on loopback, or with another:
#
#   bench/answer_cache.sh BIDS [LAST_YEAR]
#   REDIS=HOST:PORT bench/answer_cache.sh BIDS [LAST_YEAR]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

program=${BIN:-$repository/build/release/bin}/answer_cache
[ -x "$program" ] || die "Build first: ninja -C build/release answer_cache"
[ $# -ge 1 ] || die "Name a folder of bid tabulations (bench/README.md)"

if [ -z "${REDIS:-}" ]; then
  folder=$(mktemp -d)
  port=$((23000 + $$ % 20000))
  redis-server --port "$port" --bind 127.0.0.1 --save '' --dir "$folder" >"$folder/redis.log" 2>&1 &
  server=$!
  trap 'kill "$server" && wait "$server" || true; rm -rf "$folder"' EXIT
  for _ in $(seq 100); do
    redis-cli -p "$port" ping 2>/dev/null | grep -q PONG && break
    sleep 0.05
  done
  REDIS=127.0.0.1:$port
fi
"$program" --redis "$REDIS" "$@"
