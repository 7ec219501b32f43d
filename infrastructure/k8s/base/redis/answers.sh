#!/bin/sh
# Probe: PORT. redis-cli ends with 0 for NOAUTH and LOADING too, so its answer is read.
REDISCLI_AUTH=$(cat /run/secrets/redis/password)
export REDISCLI_AUTH
[ "$(redis-cli -h 127.0.0.1 -p "$1" ping 2>/dev/null)" = PONG ]
