#!/usr/bin/env bash
# Two releases behind a real nginx on this machine, driven by scripts/deploy.sh under load: how many requests fail while one
# is deployed, gets the traffic, is rolled back, and a release that is not well is refused.
#
#   bench/blue_green.sh [--rate 200] [--product DIR] [--path PATH]
#
#   --product DIR   the releases are pricing-web with the database and Redis of the product that runs in DIR
#                   (bench/serve.sh); without it a small server stands for them, and the proxy and the script are measured
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
set -euo pipefail
rate=200 dir='' path=/health/live
while [ $# -gt 0 ]; do
  case $1 in
    --rate) rate=${2:?} && shift ;;
    --product) dir=${2:?} && shift ;;
    --path) path=${2:?} && shift ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) die "unknown option '$1'" ;;
  esac
  shift
done
command -v nginx >/dev/null || die "nginx is missing: apt-get install nginx"

root=$(mktemp -d)
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
DEPLOY_PROXY_PORT=$(free_port) DEPLOY_PREVIEW_PORT=$(free_port) DEPLOY_BLUE_PORT=$(free_port) DEPLOY_GREEN_PORT=$(free_port)
export DEPLOY_PROXY_PORT DEPLOY_PREVIEW_PORT DEPLOY_BLUE_PORT DEPLOY_GREEN_PORT
export DEPLOY_DRIVER=local DEPLOY_LOCAL_ROOT=$root DEPLOY_WATCH_S=5 DEPLOY_WATCH_EVERY_S=1 DEPLOY_OLD_COLOUR_STAYS_S=3 \
  DEPLOY_READY_TIMEOUT_S=60 DEPLOY_SMOKE_PATHS=/health/live
finish() {
  local pid
  for pid in "$root"/run/*.pid; do if [ -s "$pid" ]; then kill "$(cat "$pid")" 2>/dev/null || true; fi; done
  sleep 1
  rm -rf "$root"
}
trap finish EXIT

release() { # TAG [FAULT]
  mkdir -p "$root/releases/$1"
  {
    echo '#!/bin/sh'
    if [ -n "$dir" ] && [ -z "${2:-}" ]; then
      printf 'set -a; . %q/environment; set +a\n' "$(realpath "$dir")"
      # shellcheck disable=SC2016
      printf 'PRICING_HTTP_PORT=$PORT PRICING_HTTP_SHUTDOWN_DELAY_S=1 exec %q\n' "$repository/build/release/bin/pricing-web"
    else
      printf 'exec python3 %q %s %s\n' "$repository/tests/infrastructure/deploy/server.py" "$1" "${2:-}"
    fi
  } >"$root/releases/$1/start"
  chmod +x "$root/releases/$1/start"
}
release v1
release v2
release v3 unready

"$repository/scripts/deploy.sh" -e staging -t v1 >"$root/audit" 2>"$root/log" || { cat "$root/log" >&2 && die "v1 was not deployed"; }
mkfifo "$root/end"
python3 "$repository/bench/blue_green.py" --port "$DEPLOY_PROXY_PORT" --path "$path" --rate "$rate" <"$root/end" >"$root/figures" &
load=$!
exec 4>"$root/end"
sleep 3
expect() { # STATUS ARGUMENTS...
  local status=0 begin=$SECONDS
  "$repository/scripts/deploy.sh" -e staging "${@:2}" >>"$root/audit" 2>>"$root/log" 4>&- || status=$?
  [ "$status" = "$1" ] || { cat "$root/log" >&2 && die "deploy.sh ${*:2} ended with $status instead of $1"; }
  printf '%-44s %10s s\n' "deploy.sh ${*:2}" $((SECONDS - begin))
}
expect 0 -t v2
expect 0 --rollback
DEPLOY_READY_TIMEOUT_S=5 expect 1 -t v3
sleep 2
exec 4>&-
wait "$load"
jq -r '"requests \(.requests) at \(.rate)/s; p50 \(.p50_ms) ms, p99 \(.p99_ms) ms, most \(.max_ms) ms; answered by \(.by)"' "$root/figures"
jq -r '.reasons | to_entries[] | "  \(.value) x \(.key)"' "$root/figures"
verdict 'failed requests' "$(jq .failed "$root/figures")" '<=' 0 ''
