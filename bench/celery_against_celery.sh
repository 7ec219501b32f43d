#!/usr/bin/env bash
# No-op tasks through our worker and producer and through Celery's (prefork, two processes, results on), on the same
# private Redis in the same run: tasks per second, CPU per task of the worker, enqueue rate. Fails below the musts.
#
#   bench/celery_against_celery.sh [--tasks N] [--celery-tasks N] [--bin FOLDER]
#
# Ours is counted over N messages (200,000), Celery over its own number (4,000), both from a queue filled before the
# worker starts; the time of starting up is left out on both sides: it runs from the first result to the last.
# Needs python3-celery; FOLDER holds celery_test_worker and celery_test_client (build/release/bin).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

tasks=200000 celery_tasks=4000 bin=$repository/build/release/bin
while [ $# -gt 0 ]; do
  case $1 in
    --tasks) tasks=$2 && shift ;;
    --celery-tasks) celery_tasks=$2 && shift ;;
    --bin) bin=$2 && shift ;;
    *) die "celery_against_celery.sh: unknown option '$1'" ;;
  esac
  shift
done
[ -x "$bin/celery_test_worker" ] || die "Build first: ninja -C build/release celery_test_worker celery_test_client"
python=/usr/bin/python3
"$python" -c 'import celery' 2>/dev/null || die "python3-celery is missing: scripts/dev/install-packages.sh test"

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

cat >"$folder/peer.py" <<'PYTHON'
import sys, time
from celery import Celery
url = f"redis://127.0.0.1:{sys.argv[2] if sys.argv[0].endswith('peer.py') else __import__('os').environ['BENCH_PORT']}/0"
app = Celery("peer", broker=url, backend=url)

@app.task(name="test.noop")
def noop():
    return None

if __name__ == "__main__" and sys.argv[1] == "enqueue":
    count = int(sys.argv[3])
    noop.delay()
    begin, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        noop.delay()
    took = time.perf_counter() - begin
    print(f"{count / took:.0f} {(time.process_time() - cpu) / count * 1e6:.1f}")
PYTHON
export BENCH_PORT=$port PRICING_REDIS_PORT=$port PRICING_CELERY_MINGLE=false

# cpu PID: user and system seconds of a process and of its children.
cpu() {
  local ticks=0 pid
  for pid in "$1" $(pgrep -P "$1" || true); do
    ticks=$((ticks + $(awk '{print $14 + $15}' "/proc/$pid/stat" 2>/dev/null || echo 0)))
  done
  echo "$ticks"
}
results() { redis dbsize; } # every result is a key; the few others do not change meanwhile

# drain PID COUNT: waits for COUNT results of the worker; prints tasks per second and CPU microseconds per task, both
# from the first results on.
drain() {
  local pid=$1 count=$2 base=$3 begin start_results start_cpu now_results
  while [ "$(results)" -le "$base" ]; do sleep 0.002; done
  start_cpu=$(cpu "$pid") begin=$EPOCHREALTIME start_results=$(results)
  while now_results=$(results) && [ $((now_results - base)) -lt "$count" ] &&
    { [ "$(redis hlen unacked)" -ne 0 ] || [ "$(redis llen celery)" -ne 0 ]; }; do
    sleep 0.02
  done
  awk -v b="$begin" -v e="$EPOCHREALTIME" -v n="$(($(results) - start_results))" -v c="$(($(cpu "$pid") - start_cpu))" \
    'BEGIN { printf "%.0f %.1f\n", n / (e - b), c * 10000 / n }'
}

say "Celery: enqueue, then run $celery_tasks tasks"
redis flushall >/dev/null
read -r celery_enqueue celery_enqueue_cpu < <(cd "$folder" && "$python" peer.py enqueue "$port" "$celery_tasks")
base=$(redis dbsize)
(cd "$folder" && exec "$python" -m celery -A peer worker --concurrency=2 -l error) >"$folder/celery.log" 2>&1 &
peer=$!
pids+=("$peer")
read -r celery_rate celery_cpu < <(drain "$peer" "$celery_tasks" "$((base + 3))")
kill "$peer"
wait "$peer" 2>/dev/null || true

say "Ours: enqueue, then run $tasks tasks"
redis flushall >/dev/null
read -r our_enqueue our_enqueue_cpu < <("$bin/celery_test_client" enqueue test.noop "$tasks" 500 |
  sed -E 's/.* s ([0-9]+) per second ([0-9.]+) us.*/\1 \2/')
base=$(redis dbsize)
"$bin/celery_test_worker" >"$folder/worker.log" 2>&1 &
worker=$!
pids+=("$worker")
redis_before=$(redis info cpu | awk -F: '/^used_cpu_(user|sys):/ { s += $2 } END { print s }')
read -r our_rate our_cpu < <(drain "$worker" "$tasks" "$((base + 3))")
redis_after=$(redis info cpu | awk -F: '/^used_cpu_(user|sys):/ { s += $2 } END { print s }')

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f", a / b }'; }
printf '%-34s %14s %14s\n' '' Celery ours
printf '%-34s %14s %14s\n' 'tasks per second' "$celery_rate" "$our_rate"
printf '%-34s %14s %14s\n' 'worker CPU per task, us' "$celery_cpu" "$our_cpu"
printf '%-34s %14s %14s\n' 'messages enqueued per second' "$celery_enqueue" "$our_enqueue"
printf '%-34s %14s %14s\n' 'client CPU per message, us' "$celery_enqueue_cpu" "$our_enqueue_cpu"
awk -v a="$redis_before" -v b="$redis_after" -v n="$tasks" 'BEGIN { printf "Redis CPU per task of ours, us: %.1f\n", (b - a) * 1e6 / n }'
missed=0
verdict 'tasks per second, of Celery' "$(ratio "$our_rate" "$celery_rate")" '>=' 25 x || missed=1
verdict 'worker CPU per task, Celery of ours' "$(ratio "$celery_cpu" "$our_cpu")" '>=' 25 x || missed=1
verdict 'worker CPU per task' "$our_cpu" '<=' 30 us || missed=1
verdict 'enqueue rate, of Celery' "$(ratio "$our_enqueue" "$celery_enqueue")" '>=' 25 x || missed=1
verdict 'enqueue CPU per message' "$our_enqueue_cpu" '<=' 8 us || missed=1
exit "$missed"
