#!/usr/bin/env bash
# POST /api/v1/verdicts with 200 lines and three bidders, one request at a time on one connection, after ten to warm up.
#   bench/verdict_latency.sh [DIR] [REQUESTS]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
product "${1:-}"
sign_in
curl -fsS -H "Cookie: $cookie" "$base/api/v1/items?priced=true&sort=bids&limit=200" |
  python3 /dev/fd/3 "$PRICING_HTTP_PORT" "${2:-100}" 3<<'PYTHON'
import http.client, json, os, sys, time

items = json.load(sys.stdin)["data"]
lines = [{"item_id": i["id"], "unit": i["unit"], "quantity": str(10 + 7 * n),
          "prices": [{"supplier": f"Bidder {b}", "price": f"{float(i['median_price']) * (0.8 + 0.25 * b):.2f}"} for b in range(3)]}
         for n, i in enumerate(items)]
body = json.dumps({"name": "latency", "lines": lines})
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
headers = {"Content-Type": "application/json", "Cookie": os.environ["cookie"], "X-CSRF-Token": os.environ["csrf"]}
times = []
for n in range(10 + int(sys.argv[2])):
    begin = time.monotonic()
    connection.request("POST", "/api/v1/verdicts", body, headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status not in (200, 201):
        sys.exit(f"{answer.status} {text[:500]!r}")
    if n >= 10:
        times.append(time.monotonic() - begin)
source = {}
for line in json.loads(text)["lines"]:
    source[line["source"]] = source.get(line["source"], 0) + 1
times.sort()
p95 = times[int(len(times) * 0.95)] * 1000
print(f"{len(lines)} lines, answered by {source}; p50 {times[len(times) // 2] * 1000:.1f} ms")
missed = p95 > 250 or len(lines) < 200
print(f"{'verdict on 200 lines, p95':44} {p95:10.1f} ms   must <= 250   {'MISSED' if missed else 'ok'}")
sys.exit(missed)
PYTHON
