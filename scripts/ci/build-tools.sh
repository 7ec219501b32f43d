#!/usr/bin/env bash
# Builds pricing-ctl, which scripts/health_monitor and scripts/backup_manager call, and installs what it runs with.
#
#   scripts/ci/build-tools.sh [--dry-run]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) help && exit 0 ;;
    --dry-run) dry_run=true ;;
    *) wrong_use "unknown option '$1'" ;;
  esac
  shift
done
cd "$repository"
outside scripts/dev/install-packages.sh build run
outside cmake --preset release
outside ninja -C build/release pricing-ctl
