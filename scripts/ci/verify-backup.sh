#!/usr/bin/env bash
# Restores the newest backup of an environment into a scratch instance and compares (scripts/backup_manager).
#
#   scripts/ci/verify-backup.sh --environment staging|production [--backup-location s3://BUCKET/KEY] [--dry-run]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
environment='' location=''
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
cd "$repository"
arguments=(--environment "$environment" --operation verify)
[ -z "$location" ] || arguments+=(--backup-location "$location")
outside scripts/backup_manager "${arguments[@]}"
