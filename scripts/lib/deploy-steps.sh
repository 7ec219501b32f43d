# The steps of a release, the same for every driver. Before the switch a failure takes the new colour down and nobody
# noticed; after it the traffic goes back first. Sourced, never run.
#
#   backup migrate install start check | switch watch retire | idle          undo: from anywhere before retire
# shellcheck shell=bash
# Sourced together: variables cross files. Programs of jq and nginx stand in single quotes.
# shellcheck disable=SC2034,SC2154,SC2016

from='' to='' step=idle kind=deploy burn_before=0

# --- a release ---------------------------------------------------------------------------------------------------------
deploy() {
  lock_take
  record_load
  settle
  if [ "$result" = finished ] && [ "$settled_tag" = "$tag" ] && [ "$kind" = deploy ]; then
    result='done' && return 0
  fi
  if [ "$result" = rolled-back ] && [ "$settled_tag" = "$tag" ]; then exit 3; fi
  result='' reason=''

  choose_colours
  driver_verify "$tag"
  budget_allows || refuse
  kind=deploy
  record_change '.tag = $tag | .kind = "deploy" | .from = $from | .to = $to | .burn_before = ($burn | tonumber)
    | .rolling = $rolling' --arg tag "$tag" --arg from "$from" --arg to "$to" --arg burn "$burn_before" \
    --argjson rolling "$(driver_rolling)"
  # The colour that serves without ever having been deployed by this script counts as good.
  if [ -n "$from" ] && [ -z "$(state_of "$from")" ]; then
    record_change '.colours[$from] = {tag: $known, state: "good", rolling: .rolling}' --arg from "$from" \
      --arg known "$(driver_release_of "$from")"
  fi
  bring_up || give_up
  switch_and_watch || roll_back
  retire
  say "$tag serves as $to"
}

choose_colours() {
  from=$(driver_serving)
  if [ -n "$from" ]; then to=$(other "$from"); else to=blue; fi
}

refuse() {
  say "Refused: $reason. --force deploys all the same"
  result=refused
  exit 1
}

failed() { reason=${reason:-$*} && return 1; }

bring_up() {
  if ! $no_backup; then
    at_step backup
    driver_backup || failed "the backup failed; without a backup nothing is migrated" || return 1
  fi
  at_step migrate
  driver_migrate || failed "the migration failed" || return 1
  record_change '.colours[$to] = {tag: $tag, state: "deploying"}' --arg to "$to" --arg tag "$tag"
  at_step install
  driver_install "$to" || failed "the release could not be installed" || return 1
  record_change '.colours[$to].rolling = $rolling' --arg to "$to" --argjson rolling "$(driver_rolling)"
  start_and_check
}

start_and_check() {
  at_step start
  mutate driver_scale_up "$to" || failed "$to could not be started" || return 1
  at_step check
  driver_wait_ready "$to" || failed "$to did not start within $ready_timeout_s s" || return 1
  driver_open preview || failed "the preview cannot be reached" || return 1
  until_ready "$url" || failed "$to is not ready within $ready_timeout_s s" || return 1
  if $skip_tests; then
    say "No smoke tests, as --skip-tests says"
  else
    smoke "$url" || return 1
    driver_smoke "$to" "$url" || failed "the release's own smoke test failed" || return 1
  fi
}

switch_and_watch() {
  at_step switch
  mutate driver_switch "$to" || failed "the traffic could not be switched" || return 1
  watch
}

watch() {
  at_step watch
  driver_open active || failed "what serves cannot be reached" || return 1
  if [ "$kind" = rollback ]; then
    # The rate still remembers the release that was left.
    until_ready "$url" || failed "$to is not ready after the switch" || return 1
  else
    keeps_promises "$url" || return 1
  fi
  record_change '.colours[$to].state = "good"' --arg to "$to"
  if [ "$kind" = rollback ]; then record_change '.colours[$from].state = "failed"' --arg from "$from"; fi
}

# The old colour goes, after a while; the release is good whatever happens now.
retire() {
  at_step retire
  if [ -n "$from" ]; then
    wait_renewing "$old_colour_stays_s"
    take_down "$from" || failed "$from, which serves no more, could not be taken down; the next run tries again" || exit 1
  fi
  at_step idle
}

take_down() {
  [ "$(driver_serving)" != "$1" ] || die "$1 serves; it is not taken down"
  mutate driver_scale_down "$1"
}

# --- taking it back ----------------------------------------------------------------------------------------------------
# undo [failed]: the traffic belongs to `from`, `to` goes. What was being deployed is failed from here on; what was being
# returned to stays good unless it is what failed.
undo() {
  if [ "$(state_of "$to")" = deploying ] || { [ "${1:-}" = failed ] && [ "$kind" = rollback ]; }; then
    record_change '.colours[$to].state = "failed"' --arg to "$to"
  fi
  at_step undo
  if [ -n "$from" ]; then
    mutate driver_switch "$from" || die "The traffic could not be given back to $from. Run again; nothing was taken down"
    driver_rolling_restore "$(record_get '.rolling // {}')" || say "The workers could not be set back to their old release"
    mutate driver_drained
    take_down "$to" || say "$to, which does not serve, could not be taken down"
  elif [ "$(driver_serving)" != "$to" ]; then
    take_down "$to"
  fi
  at_step idle
}

give_up() {
  say "Failed before the switch: $reason"
  undo failed
  result=failed
  exit 1
}

roll_back() {
  say "Failed after the switch: $reason"
  if [ -z "$from" ]; then die "There is no other release to go back to"; fi
  undo failed
  say "Rolled back: $from serves $(tag_of "$from") again"
  result=rolled-back
  exit 3
}

# --- what an earlier run left -------------------------------------------------------------------------------------------
# settle: finishes or undoes it. Sets result to finished, undone or rolled-back, and settled_tag.
settle() {
  settled_tag=''
  [ "$step" != idle ] || return 0
  from=$(record_get '.from // ""') to=$(record_get .to) kind=$(record_get '.kind // "deploy"') settled_tag=$(record_get '.tag // ""')
  say "A $kind (${settled_tag:-?}, from ${from:-nothing} to $to) was interrupted at: $step"
  case $step in
    switch | watch)
      if [ "$(driver_serving)" = "$to" ] && [ "$action" != rollback ]; then
        # It had passed its checks and has the traffic, perhaps by half: once more is the same.
        if switch_and_watch; then
          retire
          result=finished
        else
          [ -n "$from" ] || die "$reason, and there is no other release to go back to"
          undo failed
          say "Rolled back: $reason"
          result=rolled-back
        fi
        return 0
      fi
      ;;
    retire)
      retire
      result=finished
      return 0
      ;;
  esac
  undo
  result=undone
  say "Undone: ${from:-nothing} serves"
}

# --- by hand -----------------------------------------------------------------------------------------------------------
rollback() {
  lock_take
  record_load
  settle
  if [ "$result" = undone ]; then
    reason='the deployment that was under way is undone'
    result='done' && return 0
  fi
  result=''
  choose_colours
  rollback_possible
  kind=rollback tag=$(tag_of "$to")
  record_change '.kind = "rollback" | .tag = $tag | .from = $from | .to = $to | .rolling = $rolling' --arg tag "$tag" \
    --arg from "$from" --arg to "$to" --argjson rolling "$(driver_rolling)"
  start_and_check || give_up
  driver_rolling_restore "$(record_get ".colours.$to.rolling // {}")" || say "The workers stay at their release"
  switch_and_watch || roll_back
  retire
  say "$tag serves again, as $to"
}

rollback_possible() {
  [ -n "$from" ] || die "Nothing serves; there is nothing to roll back from"
  case $(state_of "$to") in
    good) ;;
    failed) result=refused && die "$to holds $(tag_of "$to"), which failed. $from ($(tag_of "$from")) is what last served well; to go further back deploy an older tag" ;;
    *) result=refused && die "$to holds nothing that ever served here; deploy the tag that you want" ;;
  esac
}

# --- looking only ------------------------------------------------------------------------------------------------------
plan_deploy() {
  record_load
  local held
  held=$(driver_lock_read)
  lock_is_free "$held" || say "now locked by $(jq -r .actor <<<"$held"); a real run would stop here"
  [ "$step" = idle ] || say "an interrupted deployment (step $step) would be finished or undone first"
  choose_colours
  driver_verify "$tag"
  budget_allows || say "a real run would be refused: $reason"
  $no_backup || say "would back up"
  say "would migrate, install $tag as $to, start it, check it at the preview$($skip_tests || echo ', smoke-test it')"
  driver_plan "$to"
  say "would give $to the traffic that ${from:-nothing} has now, watch for $watch_s s, take ${from:-nothing} down after $old_colour_stays_s s"
  result=planned
}

plan_rollback() {
  record_load
  choose_colours
  if [ "$step" != idle ] && [ "$step" != retire ]; then
    say "would undo the deployment that is under way (step $step)"
  else
    rollback_possible
    say "would start $to with $(tag_of "$to"), check it, give it the traffic and take $from down"
  fi
  result=planned
}

status() {
  record_load
  jq -c --arg serving "$(driver_serving)" --arg lock "$(driver_lock_read)" \
    '. + {serving: $serving, lock: ($lock | if . == "" then null else fromjson end)}' <<<"$record"
}
