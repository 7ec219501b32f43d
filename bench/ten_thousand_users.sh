#!/usr/bin/env bash
# Ten thousand people at work at once: each has an account, a session and an open connection of its own, and together
# they ask RATE times a second: reads, searches, verdicts, uploads and the polling of live updates, after ten seconds in
# which the rate grows to that.
#   bench/ten_thousand_users.sh [DIR] [SECONDS] [USERS] [RATE]      defaults: var/ 60 10000 1000
#
# Needs a product that may open as many files (ulimit -Hn; 11,000 at least), with a thread a core:
#   PRICING_HTTP_THREADS=2 bench/serve.sh --dir DIR --port PORT
# Ten thousand passwords would take ten minutes to hash, so accounts are written to PostgreSQL and sessions to Redis as
# the login writes them; before the measuring each user asks /api/v1/auth/me over his connection. They stay in DIR.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
product "${1:-}"
seconds=${2:-60} users=${3:-10000} rate=${4:-1000}
generator=$repository/build/release/bin/ten_thousand_users
[ -x "$generator" ] || die "Build it:  cmake --preset release -DPRICING_BENCH=ON && ninja -C build/release ten_thousand_users"
ulimit -n "$(ulimit -Hn)"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

ask() { psql -U postgres -XqAtF $'\t' -v ON_ERROR_STOP=1 -c "$1"; }
organization=$(ask "select id from organizations order by id limit 1")
ask "with wanted as (select 'crowd' || n || '@example.com' as email, 'Crowd ' || n as name from generate_series(1, $users) n),
          made as (insert into users (email, name, password_hash) select email, name, 'nobody signs in with it' from wanted
                   on conflict do nothing returning id)
     insert into memberships (organization_id, user_id, role) select $organization, id, 'manager' from made"
ask "select u.id, u.email from users u where email like 'crowd%@example.com' order by u.id limit $users" >"$folder/people"

# The session of each: "user.token" in the cookie, its SHA-256 in Redis, for two hours.
python3 /dev/fd/3 "$organization" "$folder/sessions" <"$folder/people" >"$folder/resp" 3<<'PYTHON'
import hashlib, json, secrets, sys, time

with open(sys.argv[2], "w") as sessions:
    for line in sys.stdin:
        user, email = line.split()
        token, csrf = f"{user}.{secrets.token_hex(32)}", secrets.token_hex(32)
        value = json.dumps({"user": int(user), "organization": int(sys.argv[1]), "email": email, "role": "manager", "csrf": csrf,
                            "opened_at": time.time_ns() // 1000})
        key = "session:" + hashlib.sha256(token.encode()).hexdigest()
        words = ["SET", key, value, "EX", "7200"]
        sys.stdout.write(f"*{len(words)}\r\n" + "".join(f"${len(w)}\r\n{w}\r\n" for w in words))
        sessions.write(f"{token} {csrf}\n")
PYTHON
if [ -n "${PRICING_REDIS_SOCKET:-}" ]; then redis=(-s "$PRICING_REDIS_SOCKET"); else
  redis=(-h "${PRICING_REDIS_HOST:-127.0.0.1}" -p "${PRICING_REDIS_PORT:-6379}")
fi
redis-cli "${redis[@]}" --pipe <"$folder/resp" >/dev/null

# What they ask for, out of what is there.
cookie="pricing_session=$(head -n 1 "$folder/sessions" | cut -d ' ' -f 1)"
for list in 'items?priced=true&sort=bids&limit=200' 'suppliers?limit=20' 'jobs?limit=20'; do
  curl -fsS -H "Cookie: $cookie" "$base/api/v1/$list" >"$folder/${list%%\?*}"
done
python3 - "$folder" >"$folder/requests" <<'PYTHON'
import json, os, sys

def rows(name):
    with open(os.path.join(sys.argv[1], name)) as file:
        return json.load(file)["data"]

def say(kind, weight, method, path, content_type="", body=""):
    print("\t".join((kind, f"{weight:.5f}", method, path, content_type, body)))

items, suppliers, jobs = rows("items"), rows("suppliers"), rows("jobs")
words = sorted({w.lower() for i in items for w in i["name"].split() if len(w) > 3 and w.isalpha()})[:60]
for i in items:
    for path, weight in (("", 10), ("/prices?limit=50", 7), ("/history", 5), ("/benchmark", 3)):
        say("read", weight / len(items), "GET", f"/api/v1/items/{i['id']}{path}")
for s in suppliers:
    say("read", 5 / len(suppliers), "GET", f"/api/v1/suppliers/{s['id']}")
say("read", 5, "GET", "/api/v1/overview")
say("read", 5, "GET", "/api/v1/events?limit=25")
for w in words:
    say("search", 25 / len(words), "GET", f"/api/v1/items?q={w}&limit=20")
for path in ["jobs?limit=10", "uploads?limit=10", "alerts?limit=10"] + [f"jobs/{j['id']}" for j in jobs[:3]]:
    say("live update", 29 / (3 + len(jobs[:3])), "GET", "/api/v1/" + path)
for n in range(20):
    lines = [{"item_id": i["id"], "unit": i["unit"], "quantity": "25",
              "prices": [{"supplier": "Bidder", "price": f"{float(i['median_price']) * 1.2:.2f}"}]} for i in items[n:n + 10]]
    say("verdict", 5 / 20, "POST", "/api/v1/verdicts", "application/json", json.dumps({"name": "Load {n}", "lines": lines}))
table = "date,item,unit,quantity,price,supplier\\n" + "".join(
    f"2024-03-{1 + n % 28:02},Gravel {{n}},t,{10 + n},{8 + n % 5}.50,Supplier {n}\\n" for n in range(20))
say("upload", 1, "POST", "/api/v1/uploads?file_name=load-{n}.csv", "text/csv", table)
PYTHON

pids=()
for name in pricing-web pricing-ml pricing-worker pricing-beat; do
  for pid in $(pgrep -f "/bin/$name\$"); do
    if grep -qzx "PRICING_STORAGE_ROOT=$PRICING_STORAGE_ROOT" "/proc/$pid/environ"; then pids+=("$pid"); fi
  done
done
[ ${#pids[@]} -ge 4 ] || die "not all four processes of the product were found"
echo "$users users, $rate requests/s for $seconds s on $jobs cores, load average $(cut -d ' ' -f 1 /proc/loadavg) before"
"$generator" "$PRICING_HTTP_PORT" "$folder/sessions" "$folder/requests" "$rate" "$seconds" "${pids[@]}"
