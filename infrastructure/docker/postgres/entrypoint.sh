#!/bin/sh
# The part of the official image's entrypoint that the compose files use: makes the cluster in an empty PGDATA and runs
# /docker-entrypoint-initdb.d/*.sh against a server that listens on its socket only; then becomes the server.
set -eu
# New volumes belong to root.
if [ "$(id -u)" = 0 ]; then
  chown postgres:postgres "$(dirname "$PGDATA")" /var/run/postgresql
  exec setpriv --reuid=postgres --regid=postgres --clear-groups "$0" "$@"
fi
if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
  # shellcheck disable=SC2086  # several arguments
  initdb --username postgres --pwfile "$POSTGRES_PASSWORD_FILE" ${POSTGRES_INITDB_ARGS:-}
  pg_ctl --wait --silent -o "-c listen_addresses= -c unix_socket_directories=/var/run/postgresql" start
  for script in /docker-entrypoint-initdb.d/*.sh; do
    [ ! -e "$script" ] || PGHOST=/var/run/postgresql sh -e "$script"
  done
  pg_ctl --wait --silent --mode fast stop
fi
exec "$@"
