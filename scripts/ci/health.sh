#!/usr/bin/env bash
# Asks an environment how it is (scripts/health_monitor); the report goes to test-results/health-ENVIRONMENT.json.
#
#   scripts/ci/health.sh --environment staging|production --url ADDRESS [--attempts N] [--dry-run]
#
# Exit status: 0 healthy, 1 unhealthy N times in a row, 10 seconds apart.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
environment='' url='' attempts=3
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) help && exit 0 ;;
    --environment) environment=${2:?--environment needs a name} && shift ;;
    --url) url=${2:?--url needs an address} && shift ;;
    --attempts) attempts=${2:?--attempts needs a number} && shift ;;
    --dry-run) dry_run=true ;;
    *) wrong_use "unknown option '$1'" ;;
  esac
  shift
done
checked_environment "$environment"
[[ $url =~ ^https?://[A-Za-z0-9.:-]+/?$ ]] || wrong_use "--url is an address such as https://pricing.example"
[[ $attempts =~ ^[1-9]$ ]] || wrong_use "--attempts is 1 to 9"
cd "$repository"
mkdir -p test-results
for ((attempt = 1; attempt <= attempts; attempt++)); do
  if outside scripts/health_monitor --url "$url" --environment "$environment" --output-format json \
    --output-file "test-results/health-$environment.json" --fail-on-unhealthy --timeout 30; then
    exit 0
  fi
  say "unhealthy, attempt $attempt of $attempts"
  [ "$attempt" -eq "$attempts" ] || sleep 10
done
exit 1
