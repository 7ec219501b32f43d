#!/usr/bin/env bash
# pricing-ctl import of real files against raw \copy of the very rows it loaded into a table with the same columns and
# indexes, in the same private PostgreSQL; and the import's largest resident memory.
#   bench/import_against_copy.sh FILE...      e.g. the yearly CSV.gz of bid tabulations
# With KILL=1 the import is ended by kill -9 at random moments until it is through; then only the counts are checked.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$repository/scripts/dev/private-servers.sh"
[ $# -gt 0 ] || die "usage: bench/import_against_copy.sh FILE..."
files=()
for file in "$@"; do files+=("$(realpath "$file")"); done
cd "$repository"
configure release
build release pricing-ctl
ctl=$repository/build/release/bin/pricing-ctl

dir=$(mktemp -d /var/tmp/pricing-bench-XXXXXX)
chmod 755 "$dir"
trap 'private_servers_stop; rm -rf "$dir"' EXIT
private_servers_start "$dir"
mkdir -p "$dir/objects"
export PRICING_POSTGRES_URL="host=$postgres_socket_dir user=pricing_app dbname=pricing"
export PRICING_POSTGRES_OWNER_URL="host=$postgres_socket_dir user=pricing_owner dbname=pricing"
export PRICING_REDIS_SOCKET=$redis_socket PRICING_STORAGE_ROOT=$dir/objects PRICING_LOG_LEVEL=warning
PRICING_IDENTITY_SECRET=$(openssl rand -hex 32)
export PRICING_IDENTITY_SECRET
ask() { psql -h "$postgres_socket_dir" -U postgres -d pricing -XqAt -v ON_ERROR_STOP=1 -c "$1"; }
"$ctl" migrate >/dev/null
"$ctl" user bootstrap >/dev/null

peak=0
import() { # runs to its end, remembers the largest resident memory; LIMIT seconds when given
  local pid status=0 now
  "$ctl" import --yes "${files[@]}" >"$dir/import.log" 2>&1 &
  pid=$!
  if [ -n "${1:-}" ]; then
    (sleep "$1" && kill -9 $pid 2>/dev/null) &
  fi
  while now=$(awk '/VmHWM/ { print $2 }' "/proc/$pid/status" 2>/dev/null) && [ -n "$now" ]; do
    [ "$now" -le "$peak" ] || peak=$now
    sleep 0.1
  done
  wait $pid || status=$?
  return $status
}
now_s() { date +%s.%N; }

if [ -n "${KILL:-}" ]; then
  kills=0
  until import "$((RANDOM % 10 + 1)).$((RANDOM % 10))"; do
    kills=$((kills + 1))
    [ $kills -lt 200 ] || die "the import does not get through: $(tail -n 5 "$dir/import.log")"
  done
  echo "killed $kills times"
else
  begin=$(now_s)
  import || die "$(tail -n 20 "$dir/import.log")"
  import_s=$(awk -v a="$begin" -v b="$(now_s)" 'BEGIN { printf "%.1f", b - a }')
fi

off=$(ask "select coalesce(sum(rows_in) - sum(loaded + quarantined + duplicates + awaiting), 0) from uploads")
counts=$(ask "select sum(rows_in), sum(loaded), sum(quarantined), sum(duplicates), sum(awaiting) from uploads")
rows=$(ask "select count(*) from price_observations")
echo "rows in | loaded | quarantined | duplicates | awaiting: $counts; in the table: $rows"
verdict "rows not accounted for" "$off" '<=' 0 rows
verdict "loaded but not in the table" "$(ask "select abs(sum(loaded) - $rows) from uploads")" '<=' 0 rows
[ -z "${KILL:-}" ] || exit 0

ask "\\copy (select * from price_observations) to '$dir/rows.copy'"
# The same columns, indexes and partitions.
ask "do \$\$
declare part record;
begin
  if (select relkind from pg_class where oid = 'price_observations'::regclass) <> 'p' then
    create table copied (like price_observations including all);
    return;
  end if;
  execute 'create table copied (like price_observations including all) partition by '
       || pg_get_partkeydef('price_observations'::regclass);
  for part in select c.relname, pg_get_expr(c.relpartbound, c.oid) as bounds
              from pg_inherits i join pg_class c on c.oid = i.inhrelid
              where i.inhparent = 'price_observations'::regclass loop
    execute format('create table %I partition of copied %s', 'copied_' || part.relname, part.bounds);
  end loop;
end \$\$"
ask checkpoint
begin=$(now_s)
ask "\\copy copied from '$dir/rows.copy'"
copy_s=$(awk -v a="$begin" -v b="$(now_s)" 'BEGIN { printf "%.1f", b - a }')
echo "import $import_s s, raw \\copy of the same rows $copy_s s"
status=0
verdict "import against \\copy" "$(awk -v a="$import_s" -v b="$copy_s" 'BEGIN { printf "%.2f", a / b }')" '<=' 2.0 '×' || status=1
verdict "largest resident memory" "$((peak / 1024))" '<=' 400 MB || status=1
exit $status
