#!/usr/bin/env bash
# Load tests (tests/performance, Artillery).
#
#   scripts/ci/performance.sh smoke [--dry-run]               a small mix against a product started here
#   scripts/ci/performance.sh daily --url ADDRESS [--dry-run] the whole mix against a running environment
#
# Exit status: 0 within the limits of the scenario, 1 outside of them, 2 wrong use.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
mix='' url=''
arguments=("$@")
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) help && exit 0 ;;
    smoke | daily) mix=$1 ;;
    --url) url=${2:?--url needs an address} && shift ;;
    --dry-run) dry_run=true ;;
    *) wrong_use "unknown option '$1'" ;;
  esac
  shift
done
[ -n "$mix" ] || wrong_use "say smoke or daily"
[ "$mix" = smoke ] || [[ $url =~ ^https://[A-Za-z0-9.:-]+/?$ ]] || wrong_use "daily needs --url https://…"
if [ "$mix" = smoke ] && [ "$dry_run" != true ]; then in_debian "$0" "${arguments[@]}"; fi
cd "$repository"
[ -x tests/performance/run.sh ] || [ "$dry_run" = true ] || die "tests/performance/run.sh is missing: there is no load to put on"
if [ -n "$url" ]; then set -- --url "$url"; else set --; fi
outside tests/performance/run.sh "$mix" "$@"
