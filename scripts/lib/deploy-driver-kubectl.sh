# A cluster by kubectl, as infrastructure/k8s/README.md lays it out: both colours' Deployments, the Service that says which
# one serves, and beside them a ConfigMap (the record) and a Lease (the lock). Sourced, never run.
# shellcheck shell=bash
# Sourced together: variables cross files. Programs of jq stand in single quotes.
# shellcheck disable=SC2034,SC2154,SC2016

case $environment in
  production) namespace=pricing-agent ;;
  staging) namespace=pricing-agent-staging ;;
esac
namespace=${DEPLOY_NAMESPACE:-$namespace}
overlay=${DEPLOY_OVERLAY:-$repository/infrastructure/k8s/overlays/$([ "$environment" = production ] && echo pricing-agent || echo pricing-agent-staging)}
registry=${DEPLOY_REGISTRY:-ghcr.io/pricing-agent}
monitoring_namespace=${DEPLOY_MONITORING_NAMESPACE:-pricing-agent-monitoring}
# Who signs: the release pipeline by its identity, or a key.
signer=${DEPLOY_SIGNER:-^https://github.com/pricing-agent/.*/\.github/workflows/ci\.yml@refs/(tags/v.*|heads/main)\$}
signer_issuer=${DEPLOY_SIGNER_ISSUER:-https://token.actions.githubusercontent.com}
rolling_deployments=(pricing-worker pricing-worker-priority pricing-beat)
declare -A digest=() forwarded=()
url='' unverified=false folder=''

k() { kubectl -n "$namespace" --request-timeout=30s "$@"; }
get() { k get "$@" --ignore-not-found; }
# Whatever changes the cluster, and cannot in a dry run.
change() { mutate kubectl -n "$namespace" --request-timeout=60s "$@" >&2; }

driver_check() {
  local program
  for program in kubectl jq curl; do command -v "$program" >/dev/null || die "$program is missing"; done
  [ -d "$overlay" ] || die "$overlay is not there"
  k get service pricing-web -o name >/dev/null ||
    die "Namespace $namespace is not reachable or not installed; see Installing in infrastructure/k8s/README.md"
  if ! $dry_run && [ "$action" != status ]; then
    folder=$(mktemp -d)
    [ -n "$prometheus_url" ] || find_prometheus
  fi
}

driver_end() {
  local pid
  for pid in "${forwarded[@]}"; do kill "$pid" 2>/dev/null; done
  if [ -n "$folder" ]; then rm -rf "$folder"; fi
}

digests_json() {
  local name
  for name in "${!digest[@]}"; do jq -cn --arg n "$name" --arg d "${digest[$name]}" '{($n): $d}'; done | jq -cs 'add // {}'
}

# --- reaching services from here ---------------------------------------------------------------------------------------
# forward NAME NAMESPACE RESOURCE PORT: sets url. Through the kubelet, so that no network policy needs a hole for it. It
# ends with this process, however that ends.
forward() {
  local port tries
  if [ -n "${forwarded[$1]:-}" ]; then kill "${forwarded[$1]}" 2>/dev/null || true; fi
  for ((tries = 0; tries < 5; tries++)); do
    port=$((20000 + RANDOM % 12000))
    setpriv --pdeathsig TERM kubectl -n "$2" port-forward --address 127.0.0.1 "$3" "$port:$4" >/dev/null 2>&1 &
    forwarded[$1]=$!
    url=http://127.0.0.1:$port
    local waited
    for ((waited = 0; waited < 50; waited++)); do
      kill -0 "${forwarded[$1]}" 2>/dev/null || break
      if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then return 0; fi
      sleep 0.2
    done
    kill "${forwarded[$1]}" 2>/dev/null || true
  done
  return 1
}

driver_open() { # preview|active: sets url
  if [ "$1" = active ] && [ -n "${DEPLOY_URL:-}" ]; then url=$DEPLOY_URL && return 0; fi
  case $1 in
    preview) forward "$1" "$namespace" service/pricing-web-preview 8000 ;;
    active) forward "$1" "$namespace" service/pricing-web 8000 ;;
  esac
}

find_prometheus() {
  kubectl -n "$monitoring_namespace" --request-timeout=30s get service prometheus -o name >/dev/null 2>&1 || return 0
  if forward prometheus "$monitoring_namespace" service/prometheus 9090; then prometheus_url=$url; fi
}
driver_prometheus() { printf '%s' "$prometheus_url"; }
driver_metric_labels() { printf '{namespace="%s"}' "$namespace"; }

# --- the record and the lock -------------------------------------------------------------------------------------------
driver_record_name() { printf 'ConfigMap pricing-release in %s' "$namespace"; }
driver_record_read() { get configmap pricing-release -o json | jq -r '.data.record // empty'; }
driver_record_write() {
  jq -n --arg record "$1" '{apiVersion: "v1", kind: "ConfigMap", metadata: {name: "pricing-release",
    labels: {"app.kubernetes.io/name": "pricing-release"}}, data: {record: $record}}' |
    change apply --server-side --force-conflicts --field-manager=pricing-deploy -f -
}

lease() { get lease pricing-deploy -o json; }
lock_of() { jq -r '.metadata.annotations["pricing-agent/lock"] // empty' <<<"${1:-null}"; }
driver_lock_read() { lock_of "$(lease)"; }

# Only one of two that saw the same lease can replace it: the server compares its resourceVersion.
lease_write() { # LEASE-BEFORE LOCK
  local new verb=replace
  new=$(jq -cn --arg lock "$2" --argjson was "${1:-null}" '($lock | fromjson) as $l
    | {apiVersion: "coordination.k8s.io/v1", kind: "Lease",
       metadata: {name: "pricing-deploy", annotations: {"pricing-agent/lock": $lock}},
       spec: {holderIdentity: $l.actor, renewTime: (now | strftime("%Y-%m-%dT%H:%M:%S.000000Z"))}}
    | if $was then .metadata.resourceVersion = $was.metadata.resourceVersion else . end')
  [ -n "$1" ] || verb=create
  change "$verb" -f - <<<"$new" 2>/dev/null
}

driver_lock_swap() { # WANTED NEW
  local now
  now=$(lease) && [ "$(lock_of "$now")" = "$1" ] && lease_write "$now" "$2"
}

driver_lock_renew() {
  if $dry_run; then return 0; fi
  local now
  now=$(lease) && is_ours "$(lock_of "$now")" && lease_write "$now" "$(lock_json)"
}

driver_lock_release() {
  local held
  held=$(driver_lock_read)
  if is_ours "$held"; then
    driver_lock_swap "$held" "$(jq -c '.until = 0' <<<"$held")"
  fi
}

# --- the images --------------------------------------------------------------------------------------------------------
# driver_verify TAG: who made it, and its digest: from here on nothing is named by a tag that could move.
driver_verify() {
  local name
  for name in web ml worker; do
    if ! signed "$name" "$registry/$name:$1"; then
      unverified=true
      if [ "$environment" = production ] || command -v cosign >/dev/null; then
        $allow_unverified ||
          die "The signature of $registry/$name:$1 could not be verified$(command -v cosign >/dev/null || echo ' (cosign is missing)'). --allow-unverified deploys it all the same"
      fi
      say "The signature of $registry/$name:$1 is not verified"
      digest[$name]=$(unsigned_digest "$registry/$name:$1")
    fi
    [[ ${digest[$name]} =~ ^sha256:[0-9a-f]{64}$ ]] ||
      die "The digest of $registry/$name:$1 is not known: it needs cosign, skopeo or crane, and the image must be there"
  done
}

signed() { # NAME IMAGE
  local by=(--certificate-identity-regexp "$signer" --certificate-oidc-issuer "$signer_issuer") answer
  if [ -n "${DEPLOY_COSIGN_KEY:-}" ]; then by=(--key "$DEPLOY_COSIGN_KEY"); fi
  command -v cosign >/dev/null || return 1
  answer=$(cosign verify --output json "${by[@]}" "$2" 2>/dev/null) || return 1
  digest[$1]=$(jq -r '.[0].critical.image["docker-manifest-digest"] // empty' <<<"$answer")
}

unsigned_digest() {
  if command -v skopeo >/dev/null; then
    skopeo inspect --format '{{.Digest}}' "docker://$1" 2>/dev/null || true
  elif command -v crane >/dev/null; then
    crane digest "$1" 2>/dev/null || true
  fi
}

# --- the release -------------------------------------------------------------------------------------------------------
# Versions name one image for ever; any other tag may move, so its Job carries the digest too.
job_name() {
  local name=pricing-migrate-${tag,,}
  name=${name//[._]/-}
  [[ $tag =~ ^v[0-9] ]] || name+=-${digest[worker]:7:8}
  printf '%s' "${name:0:63}" | sed 's/-*$//'
}

kustomization() { # COLOUR FOLDER
  local below process
  below=$(realpath -m --relative-to="$2" "$repository/infrastructure/k8s")
  printf 'resources:\n  - %s\n' "$(realpath -m --relative-to="$2" "$overlay")"
  if [ "$(other "$1")" = green ]; then printf 'components:\n  - %s/components/green-serves\n' "$below"; fi
  echo 'patches:'
  for process in web ml; do
    cat <<END
  - target: {kind: Deployment, name: pricing-$process-$1}
    patch: |-
      - op: replace
        path: /spec/template/spec/containers/0/image
        value: $registry/$process@${digest[$process]}
END
  done
  cat <<END
  - target: {kind: Job, name: pricing-migrate-.*}
    patch: |-
      - op: replace
        path: /metadata/name
        value: $(job_name)
    options: {allowNameChange: true}
images:
  - name: ghcr.io/pricing-agent/worker
    newName: $registry/worker
    digest: ${digest[worker]}
END
}
driver_plan() { kustomization "$1" "$repository/build" >&2; }

render() { kustomization "$to" "$(realpath "$folder")" >"$folder/kustomization.yaml"; }

driver_backup() {
  local name
  if [ -z "$(get cronjob pricing-backup -o name)" ]; then
    if [ "$environment" = staging ]; then say "No backup: components/backup is not installed here" && return 0; fi
    failed "no backup is installed (components/backup); --no-backup deploys without" || return 1
  fi
  name=pricing-backup-$(date -u +%Y%m%d-%H%M%S)
  change create job "--from=cronjob/pricing-backup" "$name" || return 1
  job_done "$name" "$backup_timeout_s"
}

job_done() { # NAME SECONDS
  local until=$(($(now_s) + $2)) state
  while [ "$(now_s)" -lt "$until" ]; do
    state=$(get job "$1" -o json | jq -r '[.status.conditions[]? | select(.status == "True") | .type] | join(" ")') || return 1
    case " $state " in
      *' Complete '*) return 0 ;;
      *' Failed '*) return 1 ;;
    esac
    sleep 2
    driver_lock_renew || lost_lock
  done
  return 1
}

driver_migrate() {
  local name
  name=$(job_name)
  render || return 1
  # One that failed stands in the way; one that is complete is left, and applying it again finds nothing to do.
  if [ "$(get job "$name" -o json | jq -r '[.status.conditions[]? | select(.type == "Failed" and .status == "True")] | length')" = 1 ]; then
    change delete job "$name" --wait=true || return 1
  fi
  change apply -k "$folder" -l app.kubernetes.io/name=pricing-migrate || return 1
  job_done "$name" "$migrate_timeout_s"
}

# All but the colour that serves, which keeps the images and the configuration of its release.
driver_install() {
  render || return 1
  change apply -k "$folder" -l "colour!=$(other "$1"),app.kubernetes.io/name!=pricing-migrate"
}

driver_release_of() {
  k get deployment "pricing-web-$1" -o json | jq -r '.spec.template.spec.containers[0].image | split("/")[-1] | sub("^[^:@]*[:@]"; "")'
}

# What rolls instead of existing twice: its images before, to be set back when the release is undone.
driver_rolling() {
  get deployment "${rolling_deployments[@]}" -o json |
    jq -cs '[.[].items[]? | {(.metadata.name): .spec.template.spec.containers[0].image}] | add // {}'
}
# By place, as it was read: not every container is called as its Deployment. One that is refused does not keep the others.
driver_rolling_restore() {
  local name image status=0
  while read -r name image; do
    change patch deployment "$name" --type=json \
      -p "[{\"op\":\"replace\",\"path\":\"/spec/template/spec/containers/0/image\",\"value\":\"$image\"}]" || status=1
  done < <(jq -r 'to_entries[] | "\(.key) \(.value)"' <<<"$1")
  return $status
}

serving_deployments() { # COLOUR: web, ml and, where it is, ml on GPUs
  get deployment "pricing-web-$1" "pricing-ml-$1" "pricing-ml-gpu-$1" -o name
}

driver_scale_up() { # COLOUR: as many as serve now, so that it bears the traffic at once
  local deployment replicas
  for deployment in $(serving_deployments "$1"); do
    replicas=$(k get "${deployment%-*}-$(other "$1")" -o 'jsonpath={.spec.replicas}') || replicas=1
    [ "${replicas:-0}" -ge 1 ] || replicas=1
    change scale "--replicas=$replicas" "$deployment" || return 1
  done
}

driver_scale_down() {
  local deployment
  for deployment in $(serving_deployments "$1"); do
    change scale --replicas=0 "$deployment" || return 1
  done
}

driver_wait_ready() {
  local deployment until=$(($(now_s) + ready_timeout_s))
  for deployment in $(serving_deployments "$1") "${rolling_deployments[@]/#/deployment.apps/}"; do
    until kubectl -n "$namespace" rollout status "$deployment" --timeout=20s >&2; do
      [ "$(now_s)" -lt "$until" ] || { reason="$deployment did not become ready within $ready_timeout_s s" && return 1; }
      sleep 1
      driver_lock_renew || lost_lock
    done
  done
}

driver_smoke() { # the predictions of the same release
  forward ml "$namespace" "deployment/pricing-ml-$1" 8001 && answers_soon "$url/health/ready"
}

# --- the traffic -------------------------------------------------------------------------------------------------------
driver_serving() { k get service pricing-web -o 'jsonpath={.spec.selector.colour}'; }

driver_switch() {
  change patch service pricing-web --type=merge -p "{\"spec\":{\"selector\":{\"colour\":\"$1\"}}}" &&
    change patch service pricing-web-preview --type=merge -p "{\"spec\":{\"selector\":{\"colour\":\"$(other "$1")\"}}}"
}

# A pod that is told to end serves on for ten seconds, which is what the proxies need to notice.
driver_drained() { :; }
