#!/usr/bin/env bash
# Prints the product's secrets as manifests, with new random values; nothing is written to the tree.
#
#   scripts/make-secrets.sh | kubectl create -n pricing-agent -f -
#   scripts/make-secrets.sh --monitoring | kubectl create -n pricing-agent-monitoring -f -
#
# `create` and not `apply`: it refuses to replace what is there, for a new password would lock the services out of a
# database that knows the old one. The site's certificate (pricing-agent-tls) is not made here: it must be signed by an
# authority that browsers trust; --self-signed makes one for a trial. Alertmanager's addresses are read from
# SLACK_WEBHOOK_URL, PAGERDUTY_ROUTING_KEY and HEARTBEAT_TOKEN. With External Secrets and cert-manager none of this is
# needed: see infrastructure/k8s/README.md.
set -euo pipefail

monitoring=false
self_signed=false
for argument in "$@"; do
  case $argument in
    --monitoring) monitoring=true ;;
    --self-signed) self_signed=true ;;
    -h | --help) sed -n '2,12s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) echo "make-secrets.sh: unknown option '$argument' (see --help)" >&2 && exit 2 ;;
  esac
done

random() { openssl rand -hex "${1:-24}"; }

# secret NAME KEY=VALUE...: values are encoded, so that they may have any form.
secret() {
  local name=$1 pair
  shift
  printf -- '---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\ndata:\n' "$name"
  for pair in "$@"; do
    printf '  %s: %s\n' "${pair%%=*}" "$(printf '%s' "${pair#*=}" | base64 -w 0)"
  done
}

if $monitoring; then
  secret grafana user=operator password="$(random)"
  secret alertmanager slack-webhook-url="${SLACK_WEBHOOK_URL:?the address of the Slack webhook}" \
    pagerduty-routing-key="${PAGERDUTY_ROUTING_KEY:?the key of whoever is on call}" \
    heartbeat-token="${HEARTBEAT_TOKEN:?the token of the heartbeat service}"
  exit 0
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
certificate() { # NAME HOST...: folder/NAME.crt and .key, signed by folder/ca.crt
  local names
  names=$(printf ',DNS:%s' "${@:2}")
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" -keyout "$folder/$1.key" \
    -out "$folder/$1.csr" 2>/dev/null
  openssl x509 -req -in "$folder/$1.csr" -CA "$folder/ca.crt" -CAkey "$folder/ca.key" -CAcreateserial -days 825 \
    -extfile <(printf 'subjectAltName=%s\n' "${names#,}") -out "$folder/$1.crt" 2>/dev/null
}
openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=pricing-internal \
  -addext keyUsage=critical,keyCertSign,cRLSign -keyout "$folder/ca.key" -out "$folder/ca.crt" 2>/dev/null

app=$(random) owner=$(random) backup=$(random)
link='host=pricing-postgres dbname=pricing sslmode=verify-full sslrootcert=/run/secrets/pricing/database-ca/ca.crt'
secret pricing-identity secret="$(random 32)"
secret pricing-redis password="$(random)"
secret pricing-database url="$link user=pricing_app password=$app"
secret pricing-database-owner url="$link user=pricing_owner password=$owner"
secret pricing-backup key="$(random 32)" database_url="$link user=pricing_backup password=$backup"
secret pricing-postgres postgres_password="$(random)" app_password="$app" owner_password="$owner" \
  backup_password="$backup"
tls_secret() { # NAME HOST...
  certificate "$@"
  secret "pricing-$1-tls" tls.crt="$(cat "$folder/$1.crt")" tls.key="$(cat "$folder/$1.key")" ca.crt="$(cat "$folder/ca.crt")"
}
tls_secret postgres pricing-postgres
tls_secret ml pricing-ml-blue pricing-ml-green
tls_secret redis pricing-redis-{0,1,2}.pricing-redis pricing-redis-sentinel-{0,1,2}.pricing-redis-sentinel \
  pricing-redis-sentinel pricing-redis-cache localhost
if $self_signed; then
  certificate site pricing-agent.com
  secret pricing-agent-tls tls.crt="$(cat "$folder/site.crt")" tls.key="$(cat "$folder/site.key")"
fi
