#!/usr/bin/env bash
# Checks the sources: scripts/dev/run-linting.sh, in Debian.
#
#   scripts/ci/lint.sh format|types|edges|shell|secrets|tidy...
#
#   types   the user interface's types and rules (TypeScript, ESLint); C++ types are what every build checks
# Exit status: 0 clean, 1 something to mend, 2 wrong use.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
checks=()
for argument in "$@"; do
  case $argument in
    -h | --help) help && exit 0 ;;
    format | edges | shell | secrets | tidy) checks+=("$argument") ;;
    types) checks+=(ui) ;;
    *) wrong_use "unknown check '$argument'" ;;
  esac
done
[ ${#checks[@]} -gt 0 ] || wrong_use "name a check"
in_debian "$0" "$@"
cd "$repository"
exec scripts/dev/run-linting.sh --all "${checks[@]}"
