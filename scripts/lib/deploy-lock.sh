# One deployment at a time. The drivers store {"owner", "actor", "host", "pid", "started", "until"}, compare and swap; the
# rules are here. Sourced, never run.
# shellcheck shell=bash
# Sourced together: variables cross files. Programs of jq and nginx stand in single quotes.
# shellcheck disable=SC2034,SC2154,SC2016

# Distinguishes this process from a later one with the same number. The name, which may hold anything, ends with ")".
process_start() {
  local stat fields
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 0
  read -r -a fields <<<"${stat##*) }"
  printf '%s' "${fields[19]}"
}
host=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo "${HOSTNAME:-unknown}")
actor=${actor//[^A-Za-z0-9@._ -]/_}
lock_owner=$actor/$host/$$/$(process_start $$)

lock_json() {
  jq -cn --arg owner "$lock_owner" --arg actor "$actor" --arg host "$host" --argjson pid $$ \
    --arg started "$(process_start $$)" --argjson until $(($(now_s) + lock_expiry_s)) \
    '{owner: $owner, actor: $actor, host: $host, pid: $pid, started: $started, until: $until}'
}

is_ours() { [[ $1 == "{\"owner\":\"$lock_owner\","* ]]; }

# lock_is_free LOCK: nobody's, expired, or of a process of this machine that has ended.
lock_is_free() {
  [ -n "$1" ] || return 0
  local owner_host pid started until
  read -r owner_host pid started until < <(jq -r '[.host, .pid, .started, .until] | map(tostring) | join(" ")' <<<"$1") || true
  [ "${until:-0}" -gt "$(now_s)" ] || return 0
  [ "$owner_host" = "$host" ] && [ "$(process_start "$pid")" != "$started" ]
}

lock_take() {
  local held
  held=$(driver_lock_read)
  if ! lock_is_free "$held"; then
    die "$(jq -r '"\(.actor) (process \(.pid)) is deploying; its lock ends at \(.until | todate) if it is not renewed"' <<<"$held")"
  fi
  driver_lock_swap "$held" "$(lock_json)" || die "Somebody else began to deploy in this moment"
  locked=true
}

# Another run has taken over: whatever is done from here on would be done twice.
lost_lock() {
  locked=false
  die "The lock was lost: this run was away for longer than $lock_expiry_s s, or the lock was deleted. Nothing is touched any more"
}

# For loops that look every moment: renews when a tenth of the lock's time has gone by.
renewed_s=$(now_s)
renew_now_and_then() {
  local now
  now=$(now_s)
  [ $((now - renewed_s)) -ge $((lock_expiry_s / 10)) ] || return 0
  driver_lock_renew || lost_lock
  renewed_s=$now
}

# wait_renewing SECONDS
wait_renewing() {
  local until=$(($(now_s) + $1)) left
  while left=$((until - $(now_s))) && [ "$left" -gt 0 ]; do
    sleep "$((left < lock_expiry_s / 4 ? left : lock_expiry_s / 4 > 0 ? lock_expiry_s / 4 : 1))"
    driver_lock_renew || lost_lock
  done
}
