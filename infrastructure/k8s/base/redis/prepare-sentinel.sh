#!/bin/sh
# Writes sentinel.conf where Sentinel may rewrite it: it keeps the master, the replicas and the epoch there, and a pod
# that comes back goes on from what it knew.
set -eu
self=${SELF:-$(hostname).pricing-redis-sentinel}
first=${FIRST:-pricing-redis-0.pricing-redis}
port=${PORT:-26379}
data=${DATA:-/data}
password=$(cat "${PASSWORD_FILE:-/run/secrets/redis/password}")
umask 077
if [ -e "$data/sentinel.conf" ]; then
  # The password may have been changed since: what Sentinel wrote about it goes, and it comes in below.
  grep -vE '^(user default|requirepass|sentinel (sentinel-pass|auth-pass pricing)) ' "$data/sentinel.conf" \
    >"$data/sentinel.conf.new"
else
  {
    cat "${CONFIGURATION:-/etc/redis}/sentinel.conf"
    echo "port $port"
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
  echo "requirepass $password"
  echo "sentinel sentinel-pass $password"
  echo "sentinel auth-pass pricing $password"
} >>"$data/sentinel.conf.new"
mv "$data/sentinel.conf.new" "$data/sentinel.conf"
