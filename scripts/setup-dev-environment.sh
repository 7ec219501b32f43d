#!/usr/bin/env bash
# Makes a fresh clone ready to work in.
#
#   scripts/setup-dev-environment.sh [--mode minimal|full]
#
#   minimal   packages to build and run, the pre-commit hook, the first build
#   full      (default) also the packages to test and lint, and the user interface's
# To see the product instead, run scripts/dev/run-dev-server.sh: it does what it needs by itself.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/dev/common.sh"
cd "$repository"
mode=full
while [ $# -gt 0 ]; do
  case $1 in
    --mode)
      mode=${2:?--mode needs minimal or full}
      shift
      ;;
    -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) die "setup-dev-environment.sh: unknown option '$1' (see --help)" ;;
  esac
  shift
done
case $mode in
  minimal) scripts/dev/install-packages.sh build run ;;
  full)
    scripts/dev/install-packages.sh build run ui test lint
    if [ -e ui/package.json ]; then scripts/dev/install-ui.sh; fi
    ;;
  *) die "--mode is minimal or full, not '$mode'" ;;
esac

hook=$(git rev-parse --git-path hooks)/pre-commit
if [ -e "$hook" ] && ! grep -q scripts/dev/pre-commit.sh "$hook"; then
  say "A pre-commit hook is already there and is left as it is: $hook"
else
  printf '#!/bin/sh\nexec scripts/dev/pre-commit.sh\n' >"$hook"
  chmod +x "$hook"
fi

configure release
build release
say "Ready. scripts/dev/run-dev-server.sh starts the product, scripts/dev/run-tests.sh tests it."
