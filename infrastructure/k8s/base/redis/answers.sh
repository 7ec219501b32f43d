#!/bin/sh
# Probe: PORT. redis-cli ends with 0 for NOAUTH and LOADING too, so its answer is read. Where there is an authority, the
# server speaks TLS only.
REDISCLI_AUTH=$(cat /run/secrets/redis/password)
export REDISCLI_AUTH
ca=/run/secrets/redis-tls/ca.crt
tls=
[ ! -e $ca ] || tls="--tls --cacert $ca"
# shellcheck disable=SC2086 # two words
[ "$(redis-cli $tls -h 127.0.0.1 -p "$1" ping 2>/dev/null)" = PONG ]
