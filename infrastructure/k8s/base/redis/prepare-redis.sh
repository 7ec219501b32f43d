#!/bin/sh
# Writes this pod's own redis.conf where the server may rewrite it (Sentinel changes roles that way), and decides whom
# it follows: the master that a sentinel names; else as it was before; else, the first time, the first pod.
set -eu
self=${SELF:-$(hostname).pricing-redis}
first=${FIRST:-pricing-redis-0.pricing-redis}
sentinels=${SENTINELS:-pricing-redis-sentinel:26379}
port=${PORT:-6379}
data=${DATA:-/data}
password=$(cat "${PASSWORD_FILE:-/run/secrets/redis/password}")
tls=${TLS:-/run/secrets/redis-tls}

# ask_sentinel: "HOST PORT" of the master that can be reached, or nothing.
ask_sentinel() {
  for sentinel in $sentinels; do
    found=$(REDISCLI_AUTH=$password timeout 3 redis-cli --tls --cacert "$tls/ca.crt" -h "${sentinel%:*}" \
      -p "${sentinel#*:}" sentinel get-master-addr-by-name pricing 2>/dev/null | tr '\n' ' ') || continue
    case $found in
      *' '[0-9]*) echo "$found" && return ;;
    esac
  done
}

following=
known=$(ask_sentinel)
if [ -n "$known" ]; then
  # A sentinel's word counts, even when the master is the pod that starts now.
  [ "$known" = "$self $port " ] || following="replicaof ${known% }"
elif [ -e "$data/redis.conf" ]; then
  following=$(grep '^replicaof ' "$data/redis.conf" || true)
elif [ "$self $port" != "$first ${FIRST_PORT:-$port}" ]; then
  following="replicaof $first ${FIRST_PORT:-$port}"
fi

umask 077
{
  cat "${CONFIGURATION:-/etc/redis}/redis.conf"
  # No clear text: neither to clients nor to the other servers.
  echo "port 0"
  echo "tls-port $port"
  echo "tls-replication yes"
  echo "tls-cert-file $tls/tls.crt"
  echo "tls-key-file $tls/tls.key"
  echo "tls-ca-cert-file $tls/ca.crt"
  echo "tls-auth-clients no"
  echo "dir $data"
  echo "requirepass $password"
  echo "masterauth $password"
  echo "replica-announce-ip $self"
  echo "replica-announce-port $port"
  echo "$following"
} >"$data/redis.conf.new"
mv "$data/redis.conf.new" "$data/redis.conf"
echo "$self: ${following:-master}"
