#!/usr/bin/env bash
# One row over HTTP, one core for the server (core 0), one for the load (core 1), in one run: pricing-ml, nginx
# `return 200` and FastAPI + uvicorn + XGBoost with the same model.
#   bench/predict_http.sh PEER [SECONDS]
# PEER: a folder with peer_model.json (XGBoost) and app.py (a FastAPI application `app` that answers POST /predict
# {"features": […]} with {"price": …} of that model, and GET /health). PEER_ENV: a file to source for the peer's
# libraries. Needs wrk, nginx and uvicorn. ONLY=nginx,peer,latency leaves out the others of the parts below.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/dev/private-servers.sh"
[ $# -ge 1 ] || die "bench/predict_http.sh PEER [SECONDS]"
peer=$(realpath "$1")
seconds=${2:-10}
only=,${ONLY:-infer,nginx,peer,latency,connections},
bin=$repository/build/release/bin
ml_port=${ML_PORT:-8451} nginx_port=${NGINX_PORT:-8452} peer_port=${PEER_PORT:-8453}
ulimit -n 20000

folder=$(mktemp -d /tmp/pricing-predict-XXXXXX)
chmod 755 "$folder"
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait "${pids[@]}" 2>/dev/null || true
  private_servers_stop
  rm -rf "$folder" "$(cluster_fallback "$folder")"
}
trap finish EXIT
wants() { [[ $only == *",$1,"* ]]; }
wait_for() { for _ in $(seq 200); do curl -fs -o /dev/null "$1" && return; sleep 0.1; done; die "nothing answers at $1"; }

private_servers_start "$folder" >/dev/null
secret=$(openssl rand -hex 32)
export PRICING_POSTGRES_OWNER_URL="host=$postgres_socket_dir user=pricing_owner dbname=pricing"
export PRICING_POSTGRES_URL="host=$postgres_socket_dir user=pricing_app dbname=pricing"
export PRICING_STORAGE_ROOT=$folder/objects PRICING_IDENTITY_SECRET=$secret PRICING_LOG_LEVEL=warning
export PRICING_HTTP_CONNECTIONS_MAX=15000 PRICING_HTTP_PORT=$ml_port
"$bin/pricing-ctl" migrate --folder "$repository/migrations" >/dev/null
"$bin/pricing-ctl" user bootstrap >/dev/null
organization=$(psql -h "$postgres_socket_dir" -U postgres -d pricing -XqAtc 'select min(id) from organizations')
taskset -c 0 "$bin/pricing-ml" >"$folder/ml.log" 2>&1 &
pids+=($!)
ml=http://127.0.0.1:$ml_port
wait_for "$ml/health/ready"

# An access token as pricing-web would sign it (src/identity/token.cpp), without a pricing-web.
base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
key_id=$(python3 - "$secret" "$folder/signing.der" <<'PYTHON'
import hashlib, sys
derive = lambda purpose: hashlib.blake2b((purpose + sys.argv[1]).encode(), digest_size=32).digest()
with open(sys.argv[2], "wb") as key:  # PKCS #8 around the seed of an Ed25519 key
    key.write(bytes.fromhex("302e020100300506032b657004220420") + derive("pricing: access tokens"))
print(derive("pricing: key id")[:8].hex())
PYTHON
)
claims=$(printf '{"alg":"EdDSA","kid":"%s","typ":"JWT"}' "$key_id" | base64url).$(jq -nc --argjson org "$organization" \
  '{sub: "1", org: $org, role: "admin", exp: (now + 3600 | floor), issued_us: (now * 1000000 | floor)}' | tr -d '\n' | base64url)
printf %s "$claims" >"$folder/claims"
bearer=$claims.$(openssl pkeyutl -sign -rawin -in "$folder/claims" -inkey "$folder/signing.der" -keyform DER | base64url)
curl -fsS -o /dev/null -H "Authorization: Bearer $bearer" --data-binary "@$peer/peer_model.json" \
  "$ml/api/v1/models/bench/versions?promote=true"

count=$(jq -r .learner.learner_model_param.num_feature "$peer/peer_model.json")
body=$(jq -nc --argjson n "$count" '{features: [range(1; $n + 1) | ((. % 7) * 37 - 100) / 100]}')
infer=$(jq -c '{inputs: [{name: "input", shape: [1, (.features | length)], datatype: "FP32", data: .features}]}' <<<"$body")
# script FILE BODY: a wrk script.
script() {
  cat >"$1" <<LUA
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer $bearer"
wrk.body = '$2'
LUA
}
script "$folder/ours.lua" "$body"
script "$folder/infer.lua" "$infer"
printf 'POST /api/v1/predict/bench HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s' \
  "$bearer" ${#body} "$body" >"$folder/request"
# load SECONDS CONNECTIONS SCRIPT URL: the report of wrk.
load() { taskset -c 1 wrk -t 1 -c "$2" -d "$1s" --timeout 10s --latency -s "$3" "$4" 2>&1; }
rate_of() { sed -n 's/^Requests\/sec: *\([0-9.]*\)/\1/p' <<<"$1"; }
p99_ms() {
  sed -n 's/^ *99% *//p' <<<"$1" | awk '{ v = $1 + 0; if ($1 ~ /us$/) v /= 1000; else if ($1 !~ /ms$/) v *= 1000; printf "%.3f", v }'
}
good() {
  if grep -qE 'Non-2xx|Socket errors' <<<"$1"; then
    grep -E 'Non-2xx|Socket errors' <<<"$1" >&2
    return 1
  fi
}

ours=$(curl -fsS -H "Authorization: Bearer $bearer" -d "$body" "$ml/api/v1/predict/bench")
echo "pricing-ml answers $ours"
load 1 32 "$folder/ours.lua" "$ml/api/v1/predict/bench" >/dev/null
status=0
if wants nginx; then
  cat >"$folder/nginx.conf" <<NGINX
worker_processes 1;
daemon off;
pid $folder/nginx.pid;
error_log $folder/nginx.log;
events { worker_connections 15000; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path $folder/n1; proxy_temp_path $folder/n2; fastcgi_temp_path $folder/n3;
  uwsgi_temp_path $folder/n4; scgi_temp_path $folder/n5;
  server { listen 127.0.0.1:$nginx_port; location / { default_type application/json; return 200 '$ours'; } }
}
NGINX
  taskset -c 0 nginx -c "$folder/nginx.conf" >/dev/null 2>&1 &
  pids+=($!)
  wait_for "http://127.0.0.1:$nginx_port/"
fi

# In turns, and the median turn counts: the speed of a shared machine changes by a third within seconds.
turns=15 turn_s=$(((seconds + 7) / 8))
for ((turn = 0; turn < turns; ++turn)); do
  peak=$(load "$turn_s" 32 "$folder/ours.lua" "$ml/api/v1/predict/bench")
  good "$peak" || status=1
  line="$(rate_of "$peak") $(p99_ms "$peak")"
  if wants nginx; then
    report=$(load "$turn_s" 32 "$folder/ours.lua" "http://127.0.0.1:$nginx_port/")
    line+=" $(rate_of "$report") $(p99_ms "$report")"
    line+=" $(awk -v a="$(rate_of "$peak")" -v b="$(rate_of "$report")" 'BEGIN { printf "%.2f", a / b }')"
  fi
  echo "$line"
done >"$folder/turns"
median() { cut -d ' ' -f "$1" "$folder/turns" | sort -g | sed -n "$((($(wc -l <"$folder/turns") + 1) / 2))p"; } # of a column
rate=$(median 1) nginx_rate=$(! wants nginx || median 3)
echo "pricing-ml  POST /api/v1/predict/bench         $rate requests/s, p99 $(median 2) ms at 32 connections"
if wants nginx; then
  echo "nginx       return 200                         $nginx_rate requests/s, p99 $(median 4) ms"
  echo "            of nginx, turn by turn             $(cut -d ' ' -f 5 "$folder/turns" | tr '\n' ' ')"
  verdict "rate against nginx return 200" "$(median 5)" '>=' 0.6 '×' || status=1
fi
if wants infer; then
  report=$(load "$seconds" 32 "$folder/infer.lua" "$ml/v2/models/bench/infer")
  good "$report" || status=1
  echo "pricing-ml  POST /v2/models/bench/infer        $(rate_of "$report") requests/s, p99 $(p99_ms "$report") ms"
fi

if wants peer; then
  (
    # shellcheck disable=SC1090
    [ -z "${PEER_ENV:-}" ] || source "$PEER_ENV"
    cd "$peer"
    exec taskset -c 0 /usr/bin/python3 -m uvicorn app:app --port "$peer_port" --log-level warning --no-access-log \
      --loop uvloop --http httptools >"$folder/peer.log" 2>&1
  ) &
  pids+=($!)
  wait_for "http://127.0.0.1:$peer_port/health"
  theirs=$(curl -fsS -H 'Content-Type: application/json' -d "$body" "http://127.0.0.1:$peer_port/predict")
  jq -en --argjson a "$ours" --argjson b "$theirs" '($a.prediction - $b.price) | fabs < 1e-5 * ($b.price | fabs)' >/dev/null ||
    die "the peer answers $theirs"
  report=$(load "$seconds" 32 "$folder/ours.lua" "http://127.0.0.1:$peer_port/predict")
  good "$report" || die "$(tail -n 20 "$folder/peer.log")"
  peer_rate=$(rate_of "$report")
  echo "FastAPI + uvicorn + XGBoost                    $peer_rate requests/s, p99 $(p99_ms "$report") ms"
  verdict "rate against FastAPI" "$(awk -v a="$rate" -v b="$peer_rate" 'BEGIN { printf "%.1f", a / b }')" '>=' 20 '×' || status=1
  kill "${pids[-1]}"
fi

# Half of the peak as an open loop (http_latency.cpp): over 100 connections, and over 10,000, of which the peak is lower
# for everybody: a core's caches do not hold so many.
half_of() { awk -v r="$1" 'BEGIN { printf "%d", r / 2 }'; }
# latency PORT RATE CONNECTIONS: p50, p99 and p99.9 in ms.
latency() {
  taskset -c 1 "$bin/http_latency" "$1" "$3" "$2" "$(((seconds + 3) / 4))" "$folder/request" |
    sed -n 's/.*p50 \([0-9.]*\), p99 \([0-9.]*\), p99.9 \([0-9.]*\),.*/\1 \2 \3/p'
}
# at_half RATE NGINX_RATE CONNECTIONS MS_MAX TITLE: in turns as well, for a shared machine stops for milliseconds now and
# then; nginx beside it shows what that costs.
at_half() {
  local ours theirs=
  for ((turn = 0; turn < 9; ++turn)); do
    ours=$(latency "$ml_port" "$1" "$3")
    ! wants nginx || theirs=$(latency "$nginx_port" "$2" "$3")
    echo "$ours $theirs"
  done >"$folder/turns"
  echo "pricing-ml  $1 requests/s over $3 connections: p50 $(median 1), p99 $(median 2), p99.9 $(median 3) ms"
  ! wants nginx ||
    echo "nginx       $2 requests/s: p50 $(median 4), p99 $(median 5), p99.9 $(median 6) ms"
  echo "            p99 turn by turn                   $(cut -d ' ' -f 2 "$folder/turns" | tr '\n' ' ')"
  verdict "$5" "$(median 2)" '<=' "$4" 'ms' || status=1
}
if wants latency; then
  at_half "$(half_of "$rate")" "$(half_of "$nginx_rate")" 100 2 "p99 at half of peak load"
fi
if wants connections; then
  peak=$(load "$seconds" 10000 "$folder/ours.lua" "$ml/api/v1/predict/bench")
  good "$peak" || status=1
  echo "pricing-ml  $(rate_of "$peak") requests/s at most over 10,000 connections"
  half=$(half_of "$(rate_of "$peak")")
  at_half "$half" "$half" 10000 50 "p99 at half of the peak, 10,000 connections"
fi
[ $status = 0 ]
