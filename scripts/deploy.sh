#!/usr/bin/env bash
# Brings a release to the colour that does not serve, checks it there, gives it the traffic, watches, and undoes what fails.
#
#   scripts/deploy.sh -e staging|production -t TAG [--dry-run] [--skip-tests] [--no-backup] [--force] [--allow-unverified]
#   scripts/deploy.sh -e staging|production --rollback [--dry-run]
#   scripts/deploy.sh -e staging|production --status
#
#   -e, --environment NAME   where
#   -t, --tag TAG            what: a version (v1.2.3) or a commit
#   --rollback               undo a release that is under way; otherwise give the traffic to the colour that served well
#                            before this one. It never flips to a release that failed
#   --dry-run                say what would be done; changes nothing at all
#   --skip-tests             leave out the smoke tests on the preview; health is always checked
#   --no-backup              leave out the backup before the migration
#   --force                  deploy although the error budget is spent
#   --allow-unverified       deploy images whose signature cannot be checked
#   --driver NAME            kubectl (default) or local: release folders behind nginx on this machine
#
# Whatever ends it, kill -9 included, leaves a colour that serves: each step is recorded before it begins, and the next run
# finishes or undoes what this one began. One run at a time: the lock has an owner and expires.
# Standard output is one line of JSON, the audit line; everything else goes to standard error.
# Status: 0 done, 1 refused or failed before the switch, 2 wrong command line, 3 failed after the switch and rolled back.
#
# Settings (environment variables) with their defaults: scripts/lib/deploy-settings.sh.
# shellcheck disable=SC2034  # variables cross files
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
lib=$repository/scripts/lib
# shellcheck source=scripts/lib/deploy-settings.sh
source "$lib/deploy-settings.sh"
# shellcheck source=scripts/lib/deploy-report.sh
source "$lib/deploy-report.sh"
# shellcheck source=scripts/lib/deploy-record.sh
source "$lib/deploy-record.sh"
# shellcheck source=scripts/lib/deploy-lock.sh
source "$lib/deploy-lock.sh"
# shellcheck source=scripts/lib/deploy-checks.sh
source "$lib/deploy-checks.sh"
# shellcheck source=scripts/lib/deploy-steps.sh
source "$lib/deploy-steps.sh"

usage() { sed -n '2,/^# Settings/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }
wrong() { printf 'deploy.sh: %s (see --help)\n' "$*" >&2 && exit 2; }

environment='' tag='' action=deploy dry_run=false skip_tests=false no_backup=false force=false allow_unverified=false
while [ $# -gt 0 ]; do
  case $1 in
    -e | --environment) environment=${2:-} && shift ;;
    -t | --tag) tag=${2:-} && shift ;;
    --driver) driver=${2:-} && shift ;;
    --rollback) action=rollback ;;
    --status) action=status ;;
    --dry-run) dry_run=true ;;
    --skip-tests) skip_tests=true ;;
    --no-backup) no_backup=true ;;
    --force) force=true ;;
    --allow-unverified) allow_unverified=true ;;
    -h | --help) usage && exit 0 ;;
    *) wrong "unknown option '$1'" ;;
  esac
  shift || wrong "the last option needs a value"
done
case $environment in
  staging | production) ;;
  *) wrong "-e is staging or production" ;;
esac
if [ "$action" = deploy ] && ! [[ $tag =~ ^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$ ]]; then
  wrong "-t needs the tag of a release, such as v1.2.3"
fi
if [ "$action" = deploy ] && [ "$environment" = production ] && [ "$tag" = latest ]; then
  wrong "production takes a version: nobody could say later what 'latest' was"
fi
case $driver in
  kubectl | local) ;;
  *) wrong "--driver is kubectl or local" ;;
esac
# shellcheck source=/dev/null
source "$lib/deploy-driver-$driver.sh"

# A signal ends it where it is, which is as good as any other end; what runs beside it ends too.
trap 'on_exit $?' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

driver_check
case $action in
  status) status ;;
  deploy) if $dry_run; then plan_deploy; else deploy; fi ;;
  rollback) if $dry_run; then plan_rollback; else rollback; fi ;;
esac
