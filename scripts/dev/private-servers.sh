# A private PostgreSQL and a private Redis on Unix sockets, for run-dev-server.sh: sourced, never run.
# shellcheck shell=bash
#
# private_servers_start DIR   sets postgres_socket_dir, redis_socket and wal_archive, exports PRICING_BACKUP_*
# private_servers_stop        stops both, in order
# private_servers_alive       fails when one ended by itself
# private_servers_forget DIR  deletes everything in DIR
#
# PostgreSQL refuses to run as root: then it runs as the user postgres (or nobody), who owns only its own folders. When
# that user cannot reach DIR (a checkout in root's home), the cluster lives in /var/tmp and DIR/postgres is a link to
# it. A socket's path may have 107 bytes: with a longer DIR the sockets live in a short folder under /tmp.

postgres_pid=
redis_pid=
run_folder_made=
postgres_user=$(id -un)
if [ "$(id -u)" -eq 0 ]; then
  postgres_user=nobody
  if id postgres >/dev/null 2>&1; then postgres_user=postgres; fi
fi

as_postgres() {
  if [ "$(id -u)" -eq 0 ]; then
    (cd / && setpriv --reuid="$postgres_user" --regid="$(id -g "$postgres_user")" --clear-groups "$@")
  else
    "$@"
  fi
}

postgres_bin() {
  local folder
  for folder in /usr/lib/postgresql/{17,16,15}/bin; do
    if [ -x "$folder/postgres" ]; then echo "$folder" && return; fi
  done
  die "PostgreSQL is not installed: run scripts/dev/install-packages.sh run"
}

# own_folder PATH: exists, belongs to the PostgreSQL user, closed to all others.
own_folder() {
  mkdir -p "$1"
  chmod 700 "$1"
  [ "$(id -u)" -ne 0 ] || chown "$postgres_user" "$1"
}

cluster_fallback() { echo "/var/tmp/pricing-agent-$(id -u)-$(printf '%s' "$1" | sha256sum | cut -c1-12)"; }

private_servers_forget() {
  local fallback
  fallback=$(cluster_fallback "$1")
  [ ! -d "$fallback" ] || [ -L "$fallback" ] || rm -rf "$fallback" "$fallback-wal"
  find "$1" -mindepth 1 -maxdepth 1 ! -name .lock \
    \( -name postgres -o -name wal -o -name backups -o -name redis -o -name run -o -name objects -o -name secrets -o -name stamps -o -name logs \
    -o -name demo -o -name environment -o -name ready \) -exec rm -rf {} +
}

private_servers_start() {
  local dir=$1 bin cluster run memory_mb buffers_mb
  bin=$(postgres_bin)
  mkdir -p "$dir/logs" "$dir/redis"
  rm -f "$dir/ready"
  chmod 700 "$dir/redis"

  cluster=$dir/postgres
  if [ ! -e "$cluster" ] && ! as_postgres test -x "$dir"; then
    cluster=$(cluster_fallback "$dir")
    ln -sfn "$cluster" "$dir/postgres"
  fi
  cluster=$(realpath -m "$cluster")
  [ ! -L "$cluster" ] || die "$cluster is a link; remove it"

  # The longest name in the folder is postgres/.s.PGSQL.5432.lock.
  run=$dir/run
  if [ -L "$run" ]; then
    case $(readlink "$run") in /tmp/pricing-*) rm -rf "$(readlink "$run")" ;; esac
    rm -f "$run"
  fi
  if [ $((${#run} + 30)) -gt 107 ] || ! as_postgres test -x "$dir"; then
    rm -rf "$run"
    run=$(mktemp -d /tmp/pricing-XXXXXX)
    run_folder_made=$run
    ln -sfn "$run" "$dir/run"
  fi
  mkdir -p "$run"
  chmod 711 "$run"
  postgres_socket_dir=$run/postgres
  redis_socket=$run/redis.sock
  own_folder "$postgres_socket_dir"

  if [ ! -e "$cluster/PG_VERSION" ]; then
    say "Creating the private PostgreSQL"
    own_folder "$cluster"
    # Trust is for the socket only, its folder is closed to every other user, and nothing listens on TCP.
    as_postgres "$bin/initdb" -D "$cluster" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync \
      >"$dir/logs/initdb.log" 2>&1 || { cat "$dir/logs/initdb.log" >&2 && die "initdb failed"; }
  fi
  await_old_postgres "$cluster"
  prepare_wal_archive "$dir" "$cluster"

  memory_mb=$(awk '/MemTotal/ { print int($2 / 1024) }' /proc/meminfo)
  buffers_mb=$((memory_mb / 8 < 1024 ? memory_mb / 8 : 1024))
  touch "$dir/logs/postgres.log"
  # TimescaleDB where it is installed, unless PRICING_TIMESCALEDB=off.
  local preload=''
  if [ -e "${bin%/bin}/lib/timescaledb.so" ] && [ "${PRICING_TIMESCALEDB:-on}" != off ]; then preload=timescaledb; fi
  local start=(setsid setpriv --pdeathsig INT)
  [ "$(id -u)" -ne 0 ] || start+=(--reuid="$postgres_user" --regid="$(id -g "$postgres_user")" --clear-groups)
  (cd / && exec "${start[@]}" "$bin/postgres" -D "$cluster" -k "$postgres_socket_dir" -c listen_addresses='' \
    -c unix_socket_permissions=0700 -c max_connections=100 -c shared_buffers="${buffers_mb}MB" \
    -c maintenance_work_mem=256MB -c work_mem=32MB -c max_wal_size=4GB -c checkpoint_timeout=15min \
    -c wal_level=replica -c max_wal_senders=4 -c archive_mode=on -c archive_timeout=60s \
    -c archive_command="'$wal_archive/archive-wal' '$wal_archive' '%p' '%f'" -c synchronous_commit=off -c random_page_cost=1.1 -c jit=off \
    -c timezone=UTC -c log_timezone=UTC -c shared_preload_libraries="$preload" \
    -c timescaledb.telemetry_level=off) >>"$dir/logs/postgres.log" 2>&1 </dev/null 9>&- &
  postgres_pid=$!

  setsid setpriv --pdeathsig TERM redis-server --port 0 --unixsocket "$redis_socket" --unixsocketperm 700 \
    --dir "$dir/redis" --save 300 1 --appendonly no --maxmemory 256mb --maxmemory-policy noeviction --daemonize no \
    >>"$dir/logs/redis.log" 2>&1 </dev/null 9>&- &
  redis_pid=$!

  await_server PostgreSQL "$postgres_pid" "$dir/logs/postgres.log" "$bin/pg_isready" -q -h "$postgres_socket_dir"
  await_server Redis "$redis_pid" "$dir/logs/redis.log" redis-cli -s "$redis_socket" ping
  create_roles
}

# The log of every minute goes into DIR/wal, once a backup needs it (see archive-wal.sh), so that pricing-ctl backup can
# restore to any second. It belongs to PostgreSQL's user, who may be unable to reach this checkout: it gets a copy of
# the script.
prepare_wal_archive() { # DIR CLUSTER
  wal_archive=$1/wal
  if [ "$2" != "$1/postgres" ]; then
    wal_archive=$2-wal
    ln -sfn "$wal_archive" "$1/wal"
  fi
  case $wal_archive in *[\'%\\]*) die "PostgreSQL cannot archive into $wal_archive: its name has a quote, a % or a backslash" ;; esac
  own_folder "$wal_archive"
  install -m 755 "$(dirname "${BASH_SOURCE[0]}")/archive-wal.sh" "$wal_archive/archive-wal"
  mkdir -p "$1/secrets"
  chmod 700 "$1/secrets"
  if [ ! -s "$1/secrets/backup" ]; then (umask 077 && openssl rand -hex 32 >"$1/secrets/backup"); fi
  export PRICING_BACKUP_KEY_FILE=$1/secrets/backup
  export PRICING_BACKUP_LOCATION=$1/backups
  export PRICING_BACKUP_WAL_ARCHIVE=$wal_archive
  export PRICING_BACKUP_DATABASE_URL="host=$postgres_socket_dir user=postgres dbname=pricing"
}

# After kill -9 of the script the old server is still closing its files for a moment.
await_old_postgres() {
  local pid waited
  [ -e "$1/postmaster.pid" ] || return 0
  pid=$(head -n 1 "$1/postmaster.pid")
  for ((waited = 0; waited < 150; waited++)); do
    grep -qaF "$1" "/proc/$pid/cmdline" 2>/dev/null || return 0
    sleep 0.1
  done
  die "PostgreSQL (process $pid) still runs in $1. Stop it with: kill -INT $pid"
}

await_server() { # NAME PID LOG COMMAND...
  local name=$1 pid=$2 log=$3 waited
  shift 3
  for ((waited = 0; waited < 600; waited++)); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.05
  done
  tail -n 15 "$log" >&2
  die "The private $name did not start; its log is $log"
}

create_roles() {
  local ask=(psql -h "$postgres_socket_dir" -U postgres -XqAt -v ON_ERROR_STOP=1)
  [ "$("${ask[@]}" -d postgres -c "select count(*) from pg_database where datname = 'pricing'")" = 0 ] || return 0
  "${ask[@]}" -d postgres <<'SQL'
create role pricing_owner login;
create role pricing_app login nosuperuser nocreatedb nocreaterole nobypassrls;
create database pricing owner pricing_owner;
SQL
}

private_servers_alive() { kill -0 "$postgres_pid" 2>/dev/null && kill -0 "$redis_pid" 2>/dev/null; }

private_servers_stop() {
  if [ -n "$redis_pid" ]; then
    kill -TERM "$redis_pid" 2>/dev/null || true
    wait "$redis_pid" 2>/dev/null || true
    redis_pid=
  fi
  if [ -n "$postgres_pid" ]; then
    kill -INT "$postgres_pid" 2>/dev/null || true
    wait "$postgres_pid" 2>/dev/null || true
    postgres_pid=
  fi
  [ -z "$run_folder_made" ] || rm -rf "$run_folder_made"
}
