#!/usr/bin/env bash
# From a fresh clone to a running product on this machine, and again in seconds the next time.
#
#   scripts/dev/run-dev-server.sh [--port 8000] [--ml-port 8001] [--dir var] [--data PATH...] [--fresh] [--no-build]
#
#   --port N       the web service (default 8000); metrics of worker and beat are at N+1101 and N+1102
#   --ml-port N    the prediction service (default: the port after --port)
#   --dir DIR      where the private PostgreSQL, the private Redis, uploads, models and logs live (default var/)
#   --data PATH... real files (CSV, CSV.gz, XLSX) to load instead of the generated sample
#   --fresh        delete everything in DIR and start over
#   --no-build     use what is built
#   --stop-after-ready   start, wait until everything answers, stop again (for tests and measuring)
#
# Steps: packages, build, private PostgreSQL and Redis on Unix sockets, migrations, the first organization with its
# administrator (the password is printed once and only its hash is kept), sample data when the database is empty,
# training, then pricing-web, pricing-ml, pricing-worker and pricing-beat. Ctrl-C or SIGTERM ends them in order; they
# also end when this script is killed. No system service is touched.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$(dirname "${BASH_SOURCE[0]}")/private-servers.sh"

port=8000
ml_port=
dir=$repository/var
data=()
fresh=false
build_first=true
stop_after_ready=false
while [ $# -gt 0 ]; do
  case $1 in
    --port) port=${2:?--port needs a number} && shift ;;
    --ml-port) ml_port=${2:?--ml-port needs a number} && shift ;;
    --dir) dir=$(realpath -m "${2:?--dir needs a folder}") && shift ;;
    --data)
      while [ $# -gt 1 ] && [[ $2 != --* ]]; do
        [ -r "$2" ] || die "--data: $2 cannot be read"
        data+=("$(realpath "$2")") && shift
      done
      [ ${#data[@]} -gt 0 ] || die "--data needs at least one file or folder"
      ;;
    --fresh) fresh=true ;;
    --no-build) build_first=false ;;
    --stop-after-ready) stop_after_ready=true ;;
    -h | --help) sed -n '2,18s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) die "run-dev-server.sh: unknown option '$1' (see --help)" ;;
  esac
  shift
done
for number in "$port" "${ml_port:-8001}"; do
  if ! [[ $number =~ ^[0-9]{4,5}$ ]] || [ "$number" -lt 1024 ] || [ "$number" -gt 64000 ]; then
    die "$number is not a port from 1024 to 64000"
  fi
done
ml_port=${ml_port:-$((port + 1))}
worker_port=$((port + 1101))
beat_port=$((port + 1102))
bin=$repository/build/release/bin
cd "$repository"

# --- stopping: everything this script started, youngest first ---------------------------------------------------------
names=()
declare -A pids=()
child=
idle=
stopping=false

stop_all() {
  local status=$? i name
  $stopping && return
  stopping=true
  trap '' INT TERM HUP
  for name in $child $idle; do kill -TERM "$name" 2>/dev/null || true; done
  for ((i = ${#names[@]} - 1; i >= 0; i--)); do
    name=${names[i]}
    stop_one "$name" "${pids[$name]}"
  done
  private_servers_stop
  rm -f "$dir/ready"
  exit "$status"
}

stop_one() { # NAME PID: asks, waits ten seconds, then insists
  local waited
  kill -TERM "$2" 2>/dev/null || return 0
  for ((waited = 0; waited < 100; waited++)); do
    kill -0 "$2" 2>/dev/null || { wait "$2" 2>/dev/null || true; return 0; }
    sleep 0.1
  done
  say "$1 did not stop within ten seconds and is killed"
  kill -KILL "$2" 2>/dev/null || true
  wait "$2" 2>/dev/null || true
}
trap stop_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# long_step COMMAND...: in the background, so that a signal is obeyed at once; ends with this script, however it ends.
long_step() {
  local status=0
  setsid setpriv --pdeathsig TERM "$@" 9>&- &
  child=$!
  wait "$child" || status=$?
  child=
  return $status
}

# --- one server per folder --------------------------------------------------------------------------------------------
mkdir -p "$dir"
exec 9>"$dir/.lock"
flock -n 9 || die "A server is already running in $dir. Stop it, or choose another --dir and --port."
for number in "$port" "$ml_port" "$worker_port" "$beat_port"; do
  if (exec 3<>"/dev/tcp/127.0.0.1/$number") 2>/dev/null; then
    die "Port $number is in use. Choose another --port (it takes N, N+1, N+1101 and N+1102)."
  fi
done

scripts/dev/install-packages.sh build run ui 9>&-
if $fresh; then private_servers_forget "$dir"; fi

# --- build ------------------------------------------------------------------------------------------------------------
processes=(pricing-web pricing-ml pricing-worker pricing-beat pricing-ctl)
build_ui() {
  local stamp=ui/dist/.built wanted
  [ -e ui/package.json ] || return 0
  wanted=$(find ui -type f -not -path '*/node_modules/*' -not -path 'ui/dist/*' -print0 | sort -z | xargs -0 sha256sum |
    sha256sum)
  if [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then return 0; fi
  long_step scripts/dev/build-ui.sh || die "Building the user interface failed"
  printf '%s' "$wanted" >"$stamp"
}
if $build_first; then
  long_step bash -c 'set -euo pipefail; source scripts/dev/common.sh; configure release; build release "$@"' - \
    "${processes[@]}" || exit 1
  build_ui
fi
for name in "${processes[@]}"; do
  [ -x "$bin/$name" ] || die "$bin/$name is not there. Run without --no-build."
done

# --- private servers --------------------------------------------------------------------------------------------------
private_servers_start "$dir"
mkdir -p "$dir/secrets" "$dir/objects" "$dir/logs" "$dir/stamps"
chmod 700 "$dir/secrets" "$dir/objects" "$dir/logs"
if [ ! -s "$dir/secrets/identity" ]; then
  (umask 077 && openssl rand -hex 32 >"$dir/secrets/identity")
fi

export PRICING_POSTGRES_URL="host=$postgres_socket_dir user=pricing_app dbname=pricing"
export PRICING_POSTGRES_OWNER_URL="host=$postgres_socket_dir user=pricing_owner dbname=pricing"
export PRICING_REDIS_SOCKET=$redis_socket
export PRICING_STORAGE_ROOT=$dir/objects
export PRICING_IDENTITY_SECRET_FILE=$dir/secrets/identity
export PRICING_ML_URL=http://127.0.0.1:$ml_port
export PRICING_UI_ROOT=$repository/ui/dist
export PRICING_HTTP_ADDRESS=${PRICING_HTTP_ADDRESS:-127.0.0.1}
export PRICING_WORKER_METRICS_PORT=$worker_port
export PRICING_BEAT_METRICS_PORT=$beat_port

# The same surroundings for pricing-ctl, psql and redis-cli in another terminal:  source DIR/environment
environment_file() {
  echo "# Written by scripts/dev/run-dev-server.sh at each start:  set -a; source $dir/environment; set +a"
  env | grep '^PRICING_' | sort | sed "s/=\(.*\)/='\1'/"
  echo "PRICING_HTTP_PORT=$port"
  echo "PRICING_ML_PORT=$ml_port"
  echo "PGHOST='$postgres_socket_dir' PGDATABASE=pricing"
}
(umask 077 && environment_file >"$dir/environment")

# --- data -------------------------------------------------------------------------------------------------------------
ask() { psql -h "$postgres_socket_dir" -U postgres -d pricing -XqAtc "$1"; }

long_step "$bin/pricing-ctl" migrate || die "The migrations failed (see above)"
read -r organizations observations promoted < <(ask "select (select count(*) from organizations),
  (select count(*) from (select 1 from price_observations limit 1) one),
  (select count(*) from models where state = 'promoted')" | tr '|' ' ')

if [ "$organizations" = 0 ]; then
  long_step "$bin/pricing-ctl" user bootstrap || die "Creating the first organization failed (see above)"
fi

load() { # STAMP-NAME FILE...: loads what was not loaded before
  local stamp=$dir/stamps/$1 wanted
  shift
  wanted=$(stat -c '%n %s %Y' "$@")
  if [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then return 0; fi
  long_step "$bin/pricing-ctl" import --yes "$@" || die "Loading failed (see above); what was loaded is kept, run again to go on"
  printf '%s' "$wanted" >"$stamp"
  rm -f "$dir/stamps/trained"
}
if [ ${#data[@]} -gt 0 ]; then
  files=()
  for path in "${data[@]}"; do
    if [ -d "$path" ]; then
      mapfile -t -O ${#files[@]} files < <(find "$path" -maxdepth 1 -type f \
        \( -name '*.csv' -o -name '*.csv.gz' -o -name '*.xlsx' \) | sort)
    else
      files+=("$path")
    fi
  done
  [ ${#files[@]} -gt 0 ] || die "--data: no .csv, .csv.gz or .xlsx file in ${data[*]}"
  load data "${files[@]}"
elif [ "$observations" = 0 ]; then
  long_step "$bin/pricing-ctl" demo-data --out "$dir/demo" || die "Writing the sample data failed (see above)"
  load demo "$dir/demo/price_history.csv"
fi
if [ ! -e "$dir/stamps/trained" ] && { [ "$promoted" = 0 ] || [ ${#data[@]} -gt 0 ]; }; then
  # A model that is no better than the last price is not promoted; the product works with benchmarks then.
  long_step "$bin/pricing-ctl" train || say "No model was promoted (see above); benchmarks answer until one is."
  date -u +%FT%TZ >"$dir/stamps/trained"
fi

# --- processes --------------------------------------------------------------------------------------------------------
start() { # NAME [VARIABLE=VALUE...]
  local name=$1
  shift
  env "$@" setsid setpriv --pdeathsig TERM "$bin/$name" >>"$dir/logs/$name.log" 2>&1 </dev/null 9>&- &
  names+=("$name")
  pids[$name]=$!
}
await() { # NAME URL: ready within 60 s, or the end of its log and the end of this script
  local waited
  for ((waited = 0; waited < 600; waited++)); do
    if curl -fs -o /dev/null --max-time 2 "$2"; then return 0; fi
    kill -0 "${pids[$1]}" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 15 "$dir/logs/$1.log" >&2
  die "$1 did not become ready; its log is $dir/logs/$1.log"
}
start pricing-ml PRICING_HTTP_PORT="$ml_port"
start pricing-web PRICING_HTTP_PORT="$port"
start pricing-worker
start pricing-beat
await pricing-ml "http://127.0.0.1:$ml_port/health/ready"
await pricing-web "http://127.0.0.1:$port/health/ready"
await pricing-worker "http://127.0.0.1:$worker_port/metrics"
await pricing-beat "http://127.0.0.1:$beat_port/metrics"
: >"$dir/ready"

say ""
say "Ready after $SECONDS s:  http://localhost:$port    (Ctrl-C ends it; logs are in $dir/logs)"
if $stop_after_ready; then exit 0; fi

# A process that ends by itself is started again, at most five times a minute; then its log is the place to look.
declare -A restarts=()
while true; do
  sleep 1 9>&- &
  idle=$!
  wait "$idle" || true
  for name in "${names[@]}"; do
    kill -0 "${pids[$name]}" 2>/dev/null && continue
    restarts[$name]="${restarts[$name]:-} $SECONDS"
    recent=0
    for moment in ${restarts[$name]}; do [ $((SECONDS - moment)) -ge 60 ] || recent=$((recent + 1)); done
    [ "$recent" -le 5 ] || { tail -n 15 "$dir/logs/$name.log" >&2; die "$name keeps ending; its log is $dir/logs/$name.log"; }
    say "$name ended and is started again"
    case $name in
      pricing-ml) again=(PRICING_HTTP_PORT="$ml_port") ;;
      pricing-web) again=(PRICING_HTTP_PORT="$port") ;;
      *) again=() ;;
    esac
    env "${again[@]}" setsid setpriv --pdeathsig TERM "$bin/$name" >>"$dir/logs/$name.log" 2>&1 </dev/null 9>&- &
    pids[$name]=$!
  done
  private_servers_alive || die "A private server ended; see $dir/logs/postgres.log and $dir/logs/redis.log"
done
