#!/usr/bin/env bash
# One file through clang-tidy, for run-linting.sh: BUILD FILE RESULTS. Leaves NAME.done, and NAME.wrong with the
# findings or NAME.skipped when this clang cannot parse the unit.
set -uo pipefail
name="$3/${2//\//_}"
text=$(nice -n 10 clang-tidy -p "$1" --quiet "$2" 2>/dev/null)
if grep -q 'clang-diagnostic-error' <<<"$text"; then
  grep -m 1 'clang-diagnostic-error' <<<"$text" >"$name.skipped"
elif grep -qE '(warning|error):' <<<"$text"; then
  printf '%s\n' "$text" >"$name.wrong"
fi
: >"$name.done"
