#!/usr/bin/env bash
# Writes the secrets that docker-compose.yml and docker-compose.prod.yml mount: new random values, each in a file below a
# folder that git ignores and only its owner enters. What is there is kept: a database knows its passwords.
#
#   scripts/make-compose-secrets.sh [FOLDER]     default var/compose/secrets; another one is told to compose as PRICING_SECRETS
#
# Alertmanager's addresses are read from SLACK_WEBHOOK_URL, PAGERDUTY_ROUTING_KEY and HEARTBEAT_TOKEN; without them it
# starts and its notices go nowhere.
set -euo pipefail
case ${1:-} in -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0" && exit 0 ;; esac
folder=${1:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/var/compose/secrets}

# The folder is closed; the files in it are readable, because containers read them as users of their own.
mkdir -p "$folder"
chmod 700 "$folder"
umask 022
mkdir -p "$folder"/{ml-tls,ml-ca,identity,postgres,database,database-owner,redis,redis-exporter,grafana,pgadmin,alertmanager}
chmod 755 "$folder"/*/

keep_or_make() { # FILE TEXT
  [ -e "$folder/$1" ] || printf '%s' "$2" >"$folder/$1"
}
random() { openssl rand -hex "${1:-24}"; }

keep_or_make identity/secret "$(random 32)"
for name in postgres owner app backup; do keep_or_make "postgres/${name}_password" "$(random)"; done
link='host=postgres dbname=pricing'
keep_or_make database/url "$link user=pricing_app password=$(cat "$folder/postgres/app_password")"
keep_or_make database-owner/url "$link user=pricing_owner password=$(cat "$folder/postgres/owner_password")"
keep_or_make redis/password "$(random)"
password=$(cat "$folder/redis/password")
keep_or_make redis/auth.conf "requirepass $password"$'\n'
keep_or_make redis-exporter/passwords.json \
  "{\"redis://redis-broker:6379\": \"$password\", \"redis://redis-cache:6379\": \"$password\"}"
keep_or_make grafana/user operator
keep_or_make grafana/password "$(random)"
keep_or_make pgadmin/password "$(random)"
keep_or_make alertmanager/slack-webhook-url "${SLACK_WEBHOOK_URL:-http://127.0.0.1:9/}"
keep_or_make alertmanager/pagerduty-routing-key "${PAGERDUTY_ROUTING_KEY:-none}"
keep_or_make alertmanager/heartbeat-token "${HEARTBEAT_TOKEN:-none}"

# pricing-ml's certificate, of an authority whose key is thrown away: pricing-web trusts this one and nothing else.
if [ ! -e "$folder/ml-tls/tls.crt" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=pricing-internal \
    -addext keyUsage=critical,keyCertSign,cRLSign -keyout "$work/ca.key" -out "$work/ca.crt" 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=pricing-ml -keyout "$work/tls.key" \
    -out "$work/tls.csr" 2>/dev/null
  openssl x509 -req -in "$work/tls.csr" -CA "$work/ca.crt" -CAkey "$work/ca.key" -CAcreateserial -days 3650 \
    -extfile <(printf 'subjectAltName=DNS:pricing-ml\n') -out "$work/tls.crt" 2>/dev/null
  install -m 644 "$work/ca.crt" "$folder/ml-ca/ca.crt"
  install -m 644 "$work/tls.key" "$folder/ml-tls/tls.key"
  install -m 644 "$work/tls.crt" "$folder/ml-tls/tls.crt"
fi
printf 'The secrets are in %s\n' "$folder" >&2
