#!/usr/bin/env bash
# How much of one Redis core's own limit the worker reaches: the commands that one task costs (pop, reserve, result,
# publish, acknowledge), sent as one long pipeline by redis-cli --pipe, against our worker doing the same on the same
# private Redis. Both in tasks per second, and in Redis CPU per task, which other processes disturb less.
#
#   bench/celery_redis_limit.sh [--tasks N] [--bin FOLDER]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

tasks=200000 bin=$repository/build/release/bin
while [ $# -gt 0 ]; do
  case $1 in
    --tasks) tasks=$2 && shift ;;
    --bin) bin=$2 && shift ;;
    *) die "celery_redis_limit.sh: unknown option '$1'" ;;
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
export PRICING_REDIS_PORT=$port PRICING_CELERY_MINGLE=false
redis_cpu() { redis info cpu | tr -d '\r' | awk -F: '/^used_cpu_(user|sys):/ { s += $2 } END { print s }'; }
fill() { redis flushall >/dev/null && "$bin/celery_test_client" enqueue test.noop "$tasks" 500 >/dev/null; }

fill
python3 - "$tasks" "$(redis lindex celery 0)" >"$folder/commands" <<'PYTHON'
import sys, uuid
count, raw = int(sys.argv[1]), sys.argv[2]
out = []
def say(*words):
    out.append(f"*{len(words)}\r\n" + "".join(f"${len(w)}\r\n{w}\r\n" for w in words))
for i in range(count):
    tag, task = str(uuid.uuid4()), str(uuid.uuid4())
    meta = '{"status": "SUCCESS", "result": null, "traceback": null, "children": [], "date_done": "2026-11-23T14:53:19.974881", "task_id": "' + task + '"}'
    key = "celery-task-meta-" + task
    say("RPOP", "celery")
    say("ZADD", "unacked_index", "1795447606.272136", tag)
    say("HSET", "unacked", tag, "[" + raw + ', "", "celery"]')
    say("SETEX", key, "86400", meta)
    say("PUBLISH", key, meta)
    say("ZREM", "unacked_index", tag)
    say("HDEL", "unacked", tag)
    if len(out) > 5000:
        sys.stdout.write("".join(out)); out.clear()
sys.stdout.write("".join(out))
PYTHON
cpu=$(redis_cpu) begin=$EPOCHREALTIME
redis --pipe <"$folder/commands" >"$folder/pipe.log"
end=$EPOCHREALTIME
limit=$(awk -v b="$begin" -v e="$end" -v n="$tasks" 'BEGIN { printf "%.0f", n / (e - b) }')
limit_cpu=$(awk -v a="$cpu" -v b="$(redis_cpu)" -v n="$tasks" 'BEGIN { printf "%.1f", (b - a) * 1e6 / n }')

fill
base=$(redis dbsize)
"$bin/celery_test_worker" >"$folder/worker.log" 2>&1 &
pids+=($!)
while [ "$(redis dbsize)" -le "$((base + 3))" ]; do sleep 0.002; done
cpu=$(redis_cpu) begin=$EPOCHREALTIME start=$(redis dbsize)
while [ "$(redis llen celery)" -ne 0 ] || [ "$(redis hlen unacked)" -ne 0 ]; do sleep 0.02; done
end=$EPOCHREALTIME
done_tasks=$(($(redis dbsize) - start))
rate=$(awk -v b="$begin" -v e="$end" -v n="$done_tasks" 'BEGIN { printf "%.0f", n / (e - b) }')
rate_cpu=$(awk -v a="$cpu" -v b="$(redis_cpu)" -v n="$done_tasks" 'BEGIN { printf "%.1f", (b - a) * 1e6 / n }')

printf '%-34s %14s %14s\n' '' pipeline ours
printf '%-34s %14s %14s\n' 'tasks per second' "$limit" "$rate"
printf '%-34s %14s %14s\n' 'Redis CPU per task, us' "$limit_cpu" "$rate_cpu"
verdict 'tasks per second, of the limit' "$(awk -v a="$rate" -v b="$limit" 'BEGIN { printf "%.2f", a / b }')" '>=' 0.5 x
