# What a deployment says: words on standard error, one audit line in JSON on standard output. Sourced, never run.
# shellcheck shell=bash
# Sourced together: variables cross files. Programs of jq and nginx stand in single quotes.
# shellcheck disable=SC2034,SC2154,SC2016

say() { printf '%s  %s\n' "$(date -u +%H:%M:%S)" "$*" >&2; }
die() {
  reason=${reason:-$*}
  say "$*"
  exit 1
}
now_s() { date +%s; }
started_s=$(now_s)
result='' reason='' locked=false

# mutate COMMAND...: everything that changes anything passes here, so that a dry run cannot, whatever calls it.
mutate() {
  if $dry_run; then
    printf 'would run: %s\n' "$*" >&2
    return 0
  fi
  "$@"
}

audit_line() { # RESULT
  jq -cn --arg time "$(date -u +%FT%TZ)" --arg actor "$actor" --arg environment "$environment" --arg driver "$driver" \
    --arg action "$action" --arg tag "${tag:-}" --arg result "$1" --arg reason "$reason" --arg from "${from:-}" \
    --arg to "${to:-}" --arg serving "$(driver_serving 2>/dev/null || true)" --arg step "${step:-}" \
    --argjson digests "$(digests_json)" --argjson forced "$force" --argjson unverified "${unverified:-false}" \
    --argjson dry_run "$dry_run" --argjson duration_s $(($(now_s) - started_s)) \
    '{time: $time, actor: $actor, environment: $environment, driver: $driver, action: $action, tag: $tag,
      result: $result, reason: $reason, from: $from, to: $to, serving: $serving, last_step: $step, digests: $digests,
      forced: $forced, unverified: $unverified, dry_run: $dry_run, duration_s: $duration_s}'
}

# on_exit STATUS: gives the lock back and says how it ended.
on_exit() {
  local status=$1 line
  trap - EXIT INT TERM HUP
  set +e
  if [ -z "$result" ]; then
    case $status in
      0) result='done' ;;
      130 | 143) result=interrupted reason=${reason:-"ended by a signal; run again to finish, --rollback to undo"} ;;
      *) result=failed ;;
    esac
  fi
  if [ "$action" != status ]; then
    line=$(audit_line "$result")
    printf '%s\n' "$line"
    if [ -n "$audit_file" ] && ! $dry_run; then printf '%s\n' "$line" >>"$audit_file"; fi
  fi
  if $locked; then driver_lock_release; fi
  driver_end
  exit "$status"
}
