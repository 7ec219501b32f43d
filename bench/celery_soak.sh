#!/usr/bin/env bash
# Memory of one worker over millions of tasks: its resident size after a first part, and after each further one, on a
# private Redis. A part is enqueued, run to its end, and its results are forgotten.
#
#   bench/celery_soak.sh [--tasks N] [--bin FOLDER]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

tasks=5000000 bin=$repository/build/release/bin part=250000
while [ $# -gt 0 ]; do
  case $1 in
    --tasks) tasks=$2 && shift ;;
    --bin) bin=$2 && shift ;;
    *) die "celery_soak.sh: unknown option '$1'" ;;
  esac
  shift
done
[ -x "$bin/celery_test_worker" ] || die "Build first: ninja -C build/release celery_test_worker celery_test_client"

folder=$(mktemp -d)
pids=()
# shellcheck disable=SC2317  # the trap below calls it
clean_up() {
  local pid
  for pid in "${pids[@]}"; do
    if kill "$pid" 2>/dev/null; then wait "$pid" 2>/dev/null || true; fi
  done
  rm -rf "$folder"
}
trap clean_up EXIT

port=$((23000 + $$ % 20000))
redis-server --port "$port" --save '' --dir "$folder" >"$folder/redis.log" 2>&1 &
pids+=($!)
redis() { redis-cli -p "$port" "$@"; }
until redis ping 2>/dev/null | grep -q PONG; do sleep 0.05; done
export PRICING_REDIS_PORT=$port
"$bin/celery_test_worker" >"$folder/worker.log" 2>&1 &
worker=$!
pids+=("$worker")
resident_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$worker/status"; }
results() { redis --raw eval "return #redis.call('keys', 'celery-task-meta-*')" 0; }

ran=0 first=0 now=0
while [ "$ran" -lt "$tasks" ]; do
  "$bin/celery_test_client" enqueue test.noop "$part" 500 >/dev/null
  while [ "$(redis llen celery)" -ne 0 ] || [ "$(redis hlen unacked)" -ne 0 ]; do sleep 0.1; done
  stored=$(results)
  [ "$stored" -eq "$part" ] || die "$stored results of $part tasks; see $folder/worker.log"
  redis --raw eval "for _, k in ipairs(redis.call('keys', 'celery-task-meta-*')) do redis.call('unlink', k) end" 0 >/dev/null
  ran=$((ran + part)) now=$(resident_kb)
  [ "$first" -ne 0 ] || first=$now
  printf '%10d tasks %8d KB\n' "$ran" "$now"
done
verdict 'growth of resident memory after the first part' "$(awk -v a="$first" -v b="$now" 'BEGIN { printf "%.1f", (b - a) / 1024 }')" '<=' 5 MB
