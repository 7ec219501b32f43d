#!/usr/bin/env bash
# Checks the sources and changes nothing: formatting, clang-tidy, include edges, shell scripts, the user interface, and
# that no secret and no address of one machine is in the tree.
#
#   scripts/dev/run-linting.sh [--all] [--fix-format] [check...]     checks: format tidy edges coroutines shell ui secrets
#
# clang-tidy needs 1 to 15 s a file, so it looks at the files that differ from the main branch's last commit, or at
# all of them with --all (and in CI), within a time limit of PRICING_TIDY_SECONDS (default 360); files it did not reach
# are named. Debian 12's clang-tidy 14 reads most of our coroutines but not every unit that g++ 12 accepts: a unit it
# cannot parse is reported as skipped, not as wrong.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$repository"

all=false
fix=false
checks=()
[ -z "${CI:-}" ] || all=true
for argument in "$@"; do
  case $argument in
    --all) all=true ;;
    --fix-format) fix=true ;;
    -h | --help) sed -n '2,10s/^# \{0,1\}//p' "$0" && exit 0 ;;
    format | tidy | edges | coroutines | shell | ui | secrets) checks+=("$argument") ;;
    *) die "run-linting.sh: unknown check '$argument' (format tidy edges coroutines shell ui secrets)" ;;
  esac
done
[ ${#checks[@]} -gt 0 ] || checks=(format edges coroutines shell secrets ui tidy)

scripts/dev/install-packages.sh build lint

cpp_files() { git ls-files 'src/*.cpp' 'src/*.hpp' 'apps/*.cpp' 'apps/*.hpp' 'tests/*.cpp' 'tests/*.hpp' 'bench/*.cpp' 'bench/*.hpp'; }

check_format() {
  local files
  mapfile -t files < <(cpp_files)
  if $fix; then clang-format -i "${files[@]}"; fi
  clang-format --dry-run -Werror --ferror-limit=1 "${files[@]}"
}

check_edges() { scripts/dev/check-include-edges.sh; }

# g++ 12 destroys the temporaries of both branches of "a ? co_await b : c": a double free when b fails. Use if and else.
check_coroutines() {
  local files
  mapfile -t files < <(cpp_files)
  ! grep -Pzo --with-filename '\n[^\n]*[?:]\s*\(?co_await[^\n]*' "${files[@]}" | tr '\0' '\n'
}

check_shell() {
  local files
  mapfile -t files < <(git ls-files -co --exclude-standard | while read -r f; do
    [ -f "$f" ] && head -n 1 "$f" 2>/dev/null | grep -aqE '^#!.*\b(ba)?sh\b|^# shellcheck shell' && echo "$f"
  done)
  shellcheck --external-sources --source-path=SCRIPTDIR "${files[@]}" scripts/dev/common.sh
}

check_ui() {
  [ -e ui/package.json ] || return 0
  scripts/dev/install-packages.sh ui
  scripts/dev/install-ui.sh
  (cd ui && export NO_COLOR=1 && npm run --silent types && npm run --silent lint -- --colors=off)
}

# Key material, and addresses that are true on one machine only. The brackets keep a pattern from finding itself.
check_secrets() {
  local found=0
  git grep -nIE -e '-----BEGIN [A-Z ]*PRIVATE KEY[-]----' -e 'AKI[A][0-9A-Z]{16}' -e 'gh[p]_[A-Za-z0-9]{36}' \
    -e 'xox[bp]-[0-9]{8,}' && found=1
  git grep -nIE -e '/hom[e]/[a-z]+/' -e '/roo[t]/[a-z.]+/' -e '/wor[k]/(main|shared)' -e '/tmp/pla[n]' && found=1
  git grep -nIE -e '"resolved": *"http' -- '*package-lock.json' | head -n 3 | grep . && found=1
  return $found
}

tidy_files() {
  if $all; then git ls-files 'src/*.cpp' 'apps/*.cpp'; else
    { git diff --name-only HEAD -- 'src/*.cpp' 'apps/*.cpp'
      git ls-files -o --exclude-standard 'src/*.cpp' 'apps/*.cpp'
      git diff --name-only HEAD~1 HEAD -- 'src/*.cpp' 'apps/*.cpp' 2>/dev/null || true; } | sort -u
  fi
}

check_tidy() {
  local limit=${PRICING_TIDY_SECONDS:-360} files output
  configure release
  mapfile -t files < <(tidy_files | while read -r f; do
    # Only what the build knows has the flags that clang-tidy needs.
    if [ -f "$f" ] && grep -qF "/$f\"" build/release/compile_commands.json; then echo "$f"; fi
  done)
  [ ${#files[@]} -gt 0 ] || return 0
  output=$(mktemp -d)
  printf '%s\n' "${files[@]}" | timeout "$limit" xargs -P "$jobs" -I{} scripts/dev/tidy-one.sh build/release {} "$output" || true
  local bad=0 reached skipped
  reached=$(find "$output" -name '*.done' | wc -l)
  skipped=$(find "$output" -name '*.skipped' | wc -l)
  if [ -n "$(find "$output" -name '*.wrong')" ]; then
    cat "$output"/*.wrong >&2
    bad=1
  fi
  say "  clang-tidy: $((reached - skipped)) of ${#files[@]} files checked, $skipped not parsed by this version"
  if [ "$skipped" -gt 0 ]; then cat "$output"/*.skipped >&2; fi
  rm -rf "$output"
  return $bad
}

wrong=()
for check in "${checks[@]}"; do
  start=$SECONDS
  if "check_$check" >&2; then
    say "ok      $check ($((SECONDS - start)) s)"
  else
    say "WRONG   $check ($((SECONDS - start)) s)"
    wrong+=("$check")
  fi
done
[ ${#wrong[@]} -eq 0 ] || die "Linting found something to mend in: ${wrong[*]}"
