#!/bin/sh
# Beside the server, as its user: has it read the mounted certificate again whenever that was renewed. Sessions go on. A
# pair that does not fit is refused by the server, which keeps the old one and says so in its log.
set -eu
cd "${TLS:-/run/secrets/postgres-tls}"
trap 'exit 0' TERM INT
taken=
while :; do
  found=$(cat tls.crt tls.key ca.crt | cksum)
  # Also once at the start: a renewal may have come while nobody looked.
  if [ "$found" != "$taken" ] && psql --username=postgres --dbname=postgres -XAtqc 'select pg_reload_conf()' >/dev/null; then
    taken=$found
    echo "the server was told to read its certificate"
  fi
  sleep "${EVERY_S:-20}" &
  wait $!
done
