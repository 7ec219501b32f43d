# What a deployment remembers beside the cluster's own state: the step that is under way, and which release each colour
# holds and how it did. Which colour serves is not in it; that is asked where the traffic is. Sourced, never run.
#
#   {"step": "watch", "tag": "v2", "from": "blue", "to": "green", "burn_before": 0,
#    "colours": {"blue": {"tag": "v1", "state": "good"}, "green": {"tag": "v2", "state": "deploying"}}}
#
# state: deploying, good (served and was watched to the end), failed (undone, or left by --rollback).
# step: idle when nothing is under way.
# shellcheck shell=bash
# Sourced together: variables cross files. Programs of jq and nginx stand in single quotes.
# shellcheck disable=SC2034,SC2154,SC2016

record='{}'

record_load() {
  record=$(driver_record_read)
  [ -n "$record" ] || record='{}'
  jq -e 'type == "object"' <<<"$record" >/dev/null 2>&1 ||
    die "The record of the last deployment cannot be read: $record. Repair or delete it ($(driver_record_name))"
  step=$(record_get '.step // "idle"')
}

record_get() { jq -r "$1" <<<"$record"; }
state_of() { record_get ".colours.$1.state // \"\""; }
tag_of() { record_get ".colours.$1.tag // \"\""; }

# record_change FILTER [jq arguments]: in memory; at_step writes.
record_change() {
  local filter=$1
  shift
  record=$(jq -c "$@" "$filter" <<<"$record")
}

# at_step NAME: written before the step begins, so that whoever comes after a kill knows what may have happened.
at_step() {
  step=$1
  driver_lock_renew || lost_lock
  record_change '.step = $step | .at = $at | .actor = $actor' --arg step "$step" --arg at "$(date -u +%FT%TZ)" \
    --arg actor "$actor"
  # A step that nobody would know of is not begun.
  mutate driver_record_write "$record" || die "The step $step could not be recorded"
  say "step: $step"
}

other() { if [ "$1" = blue ]; then echo green; else echo blue; fi; }
