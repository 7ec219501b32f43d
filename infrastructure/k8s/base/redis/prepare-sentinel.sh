#!/bin/sh
# Writes sentinel.conf where Sentinel may rewrite it: it keeps the master, the replicas and the epoch there, and a pod
# that comes back goes on from what it knew.
set -eu
self=${SELF:-$(hostname).pricing-redis-sentinel}
first=${FIRST:-pricing-redis-0.pricing-redis}
port=${PORT:-26379}
data=${DATA:-/data}
password=$(cat "${PASSWORD_FILE:-/run/secrets/redis/password}")
tls=${TLS:-/run/secrets/redis-tls}
umask 077
if [ -e "$data/sentinel.conf" ]; then
  # The password may have been changed since: what Sentinel wrote about it goes, and it comes in below. So does TLS.
  grep -vE '^(user default|requirepass|port|tls-[a-z-]+|sentinel (sentinel-pass|auth-pass pricing)) ' "$data/sentinel.conf" \
    >"$data/sentinel.conf.new"
else
  {
    cat "${CONFIGURATION:-/etc/redis}/sentinel.conf"
    echo "dir $data"
    echo "sentinel announce-ip $self"
    echo "sentinel announce-port $port"
    echo "sentinel monitor pricing $first ${FIRST_PORT:-6379} 2"
    echo "sentinel down-after-milliseconds pricing 5000"
    echo "sentinel failover-timeout pricing 15000"
    echo "sentinel parallel-syncs pricing 1"
  } >"$data/sentinel.conf.new"
fi
{
  echo "port 0"
  echo "tls-port $port"
  # Also to the servers and to the other sentinels.
  echo "tls-replication yes"
  echo "tls-cert-file $tls/tls.crt"
  echo "tls-key-file $tls/tls.key"
  echo "tls-ca-cert-file $tls/ca.crt"
  echo "tls-auth-clients no"
  echo "requirepass $password"
  echo "sentinel sentinel-pass $password"
  echo "sentinel auth-pass pricing $password"
} >>"$data/sentinel.conf.new"
mv "$data/sentinel.conf.new" "$data/sentinel.conf"
