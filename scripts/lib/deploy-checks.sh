# Is it well? Health and smoke tests of a colour, and the promises of infrastructure/slo.yml. Reads only. Sourced, never run.
# shellcheck shell=bash
# Sourced together: variables cross files. Programs of jq and nginx stand in single quotes.
# shellcheck disable=SC2034,SC2154,SC2016

answers() { # URL: 200 within three seconds
  [ "$(curl -s -o /dev/null -m 3 -w '%{http_code}' "$1" 2>/dev/null)" = 200 ]
}

# One lost answer is no verdict; five in a row are.
answers_soon() {
  local tries
  for ((tries = 0; tries < 5; tries++)); do
    if answers "$1"; then return 0; fi
    sleep 1
  done
  return 1
}

# until_ready URL: ready three times in a row, so that one lucky answer is not enough.
until_ready() {
  local deadline=$(($(now_s) + ready_timeout_s)) good=0
  while [ "$good" -lt 3 ]; do
    if answers "$1/health/ready"; then good=$((good + 1)); else good=0; fi
    [ "$(now_s)" -lt "$deadline" ] || return 1
    sleep 0.3
    renew_now_and_then
  done
}

smoke() { # URL
  local path
  for path in $smoke_paths; do
    answers_soon "$1$path" || { reason="smoke test: $path does not answer 200 on the preview" && return 1; }
  done
}

# ask_prometheus QUERY: prints the value; nothing when there is none, or no Prometheus.
ask_prometheus() {
  local url answer
  url=$(driver_prometheus) && [ -n "$url" ] || return 0
  answer=$(curl -s -m 5 --get --data-urlencode "query=$1" "$url/api/v1/query" 2>/dev/null) || return 0
  jq -r '.data.result[0].value[1] // empty | select(. != "NaN")' <<<"$answer" 2>/dev/null || true
}

more() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a + 0 > b + 0) }'; }
burn_rate() { ask_prometheus "max(slo:burn_rate:5m$(driver_metric_labels))"; }

# budget_allows: no data allows, for a first release has none. Sets burn_before.
budget_allows() {
  local allowed
  burn_before=$(burn_rate)
  burn_before=${burn_before:-0}
  allowed=$(ask_prometheus "min(slo:deploy_allowed:bool$(driver_metric_labels))")
  if [ -z "$allowed" ]; then
    say "Prometheus has no figures about the error budget; going on"
    return 0
  fi
  if more 1 "$allowed"; then
    if $force; then
      say "The error budget is spent; deploying all the same, as --force says"
      return 0
    fi
    reason="the error budget is spent"
    return 1
  fi
}

# keeps_promises URL: watches for watch_s. What burned before the switch is not this release's doing.
keeps_promises() {
  local until=$(($(now_s) + watch_s)) burns=0 unready=0 rate limit
  limit=$(record_get ".burn_before // 0")
  more "$limit" "$burn_rate_max" || limit=$burn_rate_max
  while :; do
    if answers "$1/health/ready"; then unready=0; else unready=$((unready + 1)); fi
    [ "$unready" -lt "$unready_max" ] || { reason="not ready after the switch, $unready times in a row" && return 1; }
    rate=$(burn_rate)
    if [ -n "$rate" ] && more "$rate" "$limit"; then burns=$((burns + 1)); else burns=0; fi
    [ "$burns" -lt "$burns_max" ] || { reason="the error budget burns at $rate times the rate that it can bear" && return 1; }
    [ "$(now_s)" -lt "$until" ] || return 0
    sleep "$watch_every_s"
    driver_lock_renew || lost_lock
  done
}
