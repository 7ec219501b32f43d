#!/usr/bin/env bash
# GET /api/v1/items/{id}/prices (50 rows) against pgbench -S -M prepared on the same PostgreSQL, in one run. The server
# side of each (pricing-web and PostgreSQL; PostgreSQL) shares core 0, the load comes from core 1.
#   bench/prices_endpoint.sh [DIR] [SECONDS]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
product "${1:-}"
seconds=${2:-10}
sign_in

item=$(curl -fsS -H "Cookie: $cookie" "$base/api/v1/items?sort=bids&limit=1" | jq '.data[0].id')
path="/api/v1/items/$item/prices?limit=50"
rows=$(curl -fsS -H "Cookie: $cookie" "$base$path" | jq '.data | length')
[ "$rows" = 50 ] || die "item $item has only $rows prices"

postmaster=$(head -n 1 "$(psql -U postgres -XqAtc 'show data_directory')/postmaster.pid")
web=$(pgrep -f "^$repository/build/release/bin/pricing-web" | while read -r pid; do
  if tr '\0' '\n' <"/proc/$pid/environ" | grep -qx "PRICING_HTTP_PORT=$PRICING_HTTP_PORT"; then echo "$pid"; fi
done)
[ -n "$web" ] || die "pricing-web was not found"
pin() { for pid in $postmaster $(pgrep -P "$postmaster") $web; do taskset -acp "$1" "$pid" >/dev/null; done; }
pin 0
trap 'pin "0-$((jobs - 1))"' EXIT

psql -U postgres -XqAtc "select 1 from pg_database where datname = 'bench'" | grep -q 1 || {
  createdb -U postgres bench
  pgbench -U postgres -q -i -s 10 bench >/dev/null 2>&1
}
pgbench -U postgres -S -M prepared -c 8 -j 1 -T 2 bench >/dev/null 2>&1
peer=$(taskset -c 1 pgbench -U postgres -S -M prepared -c 8 -j 1 -T "$seconds" bench 2>/dev/null |
  sed -n 's/^tps = \([0-9.]*\).*/\1/p')
wrk_run() { taskset -c 1 wrk -t 1 -c 32 -d "$1s" --latency -H "Cookie: $cookie" "$base$path"; }
wrk_run 2 >/dev/null
report=$(wrk_run "$seconds")
ours=$(sed -n 's/^Requests\/sec: *\([0-9.]*\)/\1/p' <<<"$report")
if grep -q 'Non-2xx' <<<"$report"; then
  die "Some answers were errors:
$report"
fi
echo "pgbench -S -M prepared     $peer requests/s"
echo "GET $path   $ours requests/s, $(sed -n 's/^ *99% *//p' <<<"$report") p99 at 32 connections"
verdict "rate against pgbench" "$(awk -v a="$ours" -v b="$peer" 'BEGIN { printf "%.2f", a / b }')" '>=' 0.4 '×'
