#!/usr/bin/env bash
# Makes a fresh clone ready to work in.
#
#   scripts/setup-dev-environment.sh [--mode minimal|full] [--dry-run]
#
#   minimal   packages to build and run, the pre-commit hook, the first build
#   full      (default) also the packages to test and lint, and the user interface's
#   --dry-run says what would be done, and does nothing
# To see the product instead, run scripts/dev/run-dev-server.sh: it does what it needs by itself.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/dev/common.sh"
cd "$repository"
mode=full
dry_run=false
while [ $# -gt 0 ]; do
  case $1 in
    --mode)
      mode=${2:?--mode needs minimal or full}
      shift
      ;;
    --dry-run) dry_run=true ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) die "setup-dev-environment.sh: unknown option '$1' (see --help)" ;;
  esac
  shift
done
do_it() {
  if $dry_run; then say "would run: $*"; else "$@"; fi
}

case $mode in
  minimal) do_it scripts/dev/install-packages.sh build run ;;
  full)
    do_it scripts/dev/install-packages.sh build run ui test lint
    if [ -e ui/package.json ]; then do_it scripts/dev/install-ui.sh; fi
    ;;
  *) die "--mode is minimal or full, not '$mode'" ;;
esac

hook=$(git rev-parse --git-path hooks)/pre-commit
install_hook() {
  mkdir -p "$(dirname "$hook")"
  printf '#!/bin/sh\nexec scripts/dev/pre-commit.sh\n' >"$hook"
  chmod +x "$hook"
}
if [ -e "$hook" ] && ! grep -q scripts/dev/pre-commit.sh "$hook"; then
  say "A pre-commit hook is already there and is left as it is: $hook"
else
  do_it install_hook
fi

do_it configure release
do_it build release
$dry_run || say "Ready. scripts/dev/run-dev-server.sh starts the product, scripts/dev/run-tests.sh tests it."
