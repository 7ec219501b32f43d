#!/usr/bin/env bash
# Runs the tests: scripts/dev/run-tests.sh, in Debian. JUnit files go to test-results/.
#
#   scripts/ci/test.sh unit|integration|e2e|sanitize|fuzz|infrastructure...
#
#   integration      black box tests of the running product, and of the task engine against a real Celery
#   infrastructure   workflows, Terraform, manifests (tests/infrastructure)
# Exit status: 0 passed, 1 a test failed, 2 wrong use.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
parts=()
infrastructure=false
for argument in "$@"; do
  case $argument in
    -h | --help) help && exit 0 ;;
    unit | e2e | sanitize | fuzz) parts+=("$argument") ;;
    integration) parts+=(celery system) ;;
    infrastructure) infrastructure=true ;;
    *) wrong_use "unknown part '$argument'" ;;
  esac
done
[ ${#parts[@]} -gt 0 ] || $infrastructure || wrong_use "name a part"
in_debian "$0" "$@"
cd "$repository"
status=0
if [ ${#parts[@]} -gt 0 ]; then scripts/dev/run-tests.sh "${parts[@]}" || status=1; fi
if $infrastructure; then
  scripts/dev/install-packages.sh run ui test lint
  mkdir -p test-results
  python3 tests/infrastructure/run.py --junit test-results/infrastructure.xml || status=1
fi
exit $status
