#!/usr/bin/env bash
# Time from exec to ready, and resident memory when idle, of pricing-web: the median of ten starts beside a running
# product (its PostgreSQL and Redis are used).
#   bench/startup.sh [DIR]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
product "${1:-}"
python3 - "$repository/build/release/bin/pricing-web" <<'PYTHON'
import http.client, os, socket, statistics, subprocess, sys, time

def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]

times, memory = [], []
for _ in range(10):
    port = free_port()
    begin = time.monotonic()
    process = subprocess.Popen([sys.argv[1]], env=dict(os.environ, PRICING_HTTP_PORT=str(port)),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                c = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
                c.request("GET", "/health/ready")
                if c.getresponse().status == 200:
                    break
            except OSError:
                pass
            if process.poll() is not None or time.monotonic() - begin > 20:
                sys.exit("pricing-web did not become ready")
            time.sleep(0.002)
        times.append(time.monotonic() - begin)
        time.sleep(1)
        with open(f"/proc/{process.pid}/status") as f:
            memory.append(int(next(l for l in f if l.startswith("VmRSS")).split()[1]) / 1024)
    finally:
        process.terminate()
        process.wait(15)
bad = False
for label, value, limit, unit in (("start of pricing-web to ready", statistics.median(times), 1.0, "s"),
                                  ("its memory when idle", statistics.median(memory), 60.0, "MB")):
    missed = value > limit
    bad |= missed
    print(f"{label:44} {value:10.3f} {unit}   must <= {limit:g}   {'MISSED' if missed else 'ok'}")
sys.exit(bad)
PYTHON
