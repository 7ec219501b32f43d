#!/usr/bin/env bash
# How long a full restore takes (RTO) and how much is lost when the database is gone this instant (RPO):
#
#   bench/backup_restore.sh [DIR]      a product that runs in DIR (default var/)
#
# Makes a backup of its database, restores it and compares rows and checksum of every table, then waits for two archived
# segments and restores the newest state that the archive alone gives. The running database is only read.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
dir=$(realpath -m "${1:-$repository/var}")
product "$dir"
export PRICING_CTL=${PRICING_CTL:-$repository/build/release/bin/pricing-ctl}
scratch=$(mktemp -d /var/tmp/pricing-bench-XXXXXX)
chmod 755 "$scratch"
server=
finish() {
  [ -z "$server" ] || kill -INT "$server" 2>/dev/null || true
  sleep 1
  rm -rf "$scratch"
}
trap finish EXIT
export TMPDIR=$scratch
export PRICING_BACKUP_LOCATION=$scratch/backups
manage() { nice -n 19 "$repository/scripts/backup_manager" --environment bench --backup-type database --output-format json "$@"; }
since() { awk -v a="$1" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }'; }

begin=$(date +%s.%N)
manage --operation backup >"$scratch/made"
took=$(since "$begin")
jq -r --arg s "$took" '"backup of \([.database.tables[].rows] | add) rows in \(.database.tables | length) tables: " +
  "\($s) s, \([.streams[].plain_bytes] | add / 1e6 | round) MB stored as \([.streams[].pieces[].bytes] | add / 1e6 | round) MB"' "$scratch/made"

manage --operation verify >"$scratch/verified"
jq -r '"restored and compared: all \(.tables) tables have the same rows and checksums (\(.duration_s | round) s)"' "$scratch/verified"

# A transaction a second that changes nothing: what an archive loses is counted from the newest one that it holds.
say "Two minutes of a transaction a second, so that the archive is what it is at any time"
for _ in {1..125}; do
  psql "$PRICING_BACKUP_DATABASE_URL" -XqAt -c 'select pg_current_xact_id()' >/dev/null
  sleep 1
done
lost_at=$(date +%s.%N)
manage --operation restore --target-time latest --target-folder "$scratch/restored" >"$scratch/report"
server=$(jq -r .pid "$scratch/report")
recovered=$(date -d "$(jq -r .recovered_until "$scratch/report")" +%s.%N)
printf '%-44s %10.1f s\n' "RTO: full restore, base and log" "$(jq -r .duration_s "$scratch/report")"
verdict "RPO: what was written last and is lost" "$(awk -v a="$recovered" -v b="$lost_at" 'BEGIN { printf "%.1f", b - a }')" '<=' 300 s
