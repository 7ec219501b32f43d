#!/bin/sh
# Beside a server or a sentinel: server|sentinel PORT. Has it take the mounted certificate whenever that was renewed. A server
# reads it at once, and connections go on; a pair that does not fit is refused and tried again. A sentinel cannot: it
# ends, to be started anew by the kubelet, one pod half a minute after the other.
set -eu
kind=$1 port=$2
tls=${TLS:-/run/secrets/redis-tls}
REDISCLI_AUTH=$(cat "${PASSWORD_FILE:-/run/secrets/redis/password}")
export REDISCLI_AUTH
trap 'exit 0' TERM INT

digest() { cat "$tls/tls.crt" "$tls/tls.key" "$tls/ca.crt" | cksum; }
pause() { sleep "$1" & wait $!; }
# Whom it speaks to is this pod, whose certificate may be of an authority that has just been replaced.
ask() { redis-cli --tls --insecure -h 127.0.0.1 -p "$port" "$@"; }

take() {
  if [ "$kind" = server ]; then
    [ "$(ask config set tls-cert-file "$tls/tls.crt" tls-key-file "$tls/tls.key" tls-ca-cert-file "$tls/ca.crt")" = OK ]
  else
    pod=${SELF:-$(hostname)}
    pause $((${pod##*-} * ${APART_S:-30}))
    [ -z "$(ask shutdown nosave 2>&1)" ]
  fi
}

# A server is told once at the start too, for a renewal that came while nobody looked; a sentinel began with this pod.
taken=
[ "$kind" = server ] || taken=$(digest)
echo "looks after the $kind on $port"
while :; do
  found=$(digest)
  if [ "$found" != "$taken" ]; then
    if take; then
      taken=$found
      echo "the $kind has its certificate"
    else
      echo "the $kind does not take its certificate; once more in a while" >&2
    fi
  fi
  pause "${EVERY_S:-20}"
done
