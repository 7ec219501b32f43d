#!/usr/bin/env bash
# Restores the newest backup of an environment into a scratch instance and compares (scripts/backup_manager).
#
#   scripts/ci/verify-backup.sh --environment staging|production [--backup-location s3://BUCKET/KEY] [--dry-run]
#
# PRICING_BACKUP_KEY holds the key that the backups are encrypted with; the role of the step before reads the bucket.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
environment='' location=''
arguments=("$@")
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) help && exit 0 ;;
    --environment) environment=${2:?--environment needs a name} && shift ;;
    --backup-location) location=${2:?--backup-location needs an address} && shift ;;
    --dry-run) dry_run=true ;;
    *) wrong_use "unknown option '$1'" ;;
  esac
  shift
done
checked_environment "$environment"
if [ "$dry_run" != true ]; then in_debian "$0" "${arguments[@]}"; fi
cd "$repository"
outside scripts/dev/install-packages.sh build run
outside cmake --preset release
outside ninja -C build/release pricing-ctl
if [ -n "${PRICING_BACKUP_KEY:-}" ]; then
  PRICING_BACKUP_KEY_FILE=$(mktemp)
  export PRICING_BACKUP_KEY_FILE
  trap 'rm -f "$PRICING_BACKUP_KEY_FILE"' EXIT
  printf '%s' "$PRICING_BACKUP_KEY" >"$PRICING_BACKUP_KEY_FILE"
  unset PRICING_BACKUP_KEY
fi
options=(--environment "$environment" --operation verify)
[ -z "$location" ] || options+=(--backup-location "$location")
outside scripts/backup_manager "${options[@]}"
