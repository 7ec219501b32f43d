#!/bin/sh
# Before the standby's server: the first time, a copy of the primary, whole or not at all. Later it goes on from what it
# has, also when it was promoted.
set -eu
data=${PGDATA:-/var/lib/postgresql/data/pgdata}
[ ! -s "$data/PG_VERSION" ] || exit 0
PGPASSWORD=$(cat "${PASSWORD_FILE:-/run/secrets/postgres/backup_password}")
export PGPASSWORD
rm -rf "$data.part"
pg_basebackup --pgdata="$data.part" --wal-method=stream --checkpoint=fast --write-recovery-conf --dbname="${PRIMARY:-host=pricing-postgres} \
user=pricing_backup application_name=standby sslmode=verify-full sslrootcert=${AUTHORITY:-/run/secrets/postgres-tls/ca.crt}"
chmod 700 "$data.part"
mv "$data.part" "$data"
