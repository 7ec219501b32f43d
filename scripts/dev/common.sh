# Shared by the scripts of this folder: sourced, never run.
# shellcheck shell=bash
# shellcheck disable=SC2034  # the constants are used by those who source this

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
jobs=$(nproc)
if [ -t 2 ]; then interactive=true; else interactive=false; fi

say() { printf '%s\n' "$*" >&2; }
die() { printf '%s\n' "$*" >&2 && exit 1; }

# progress LABEL: reads lines "DONE TOTAL [anything]" and draws one bar on stderr. On a terminal the bar moves in
# place; elsewhere one line appears at each tenth, so that a log stays readable. Takes the end of input as the end.
progress() {
  local LC_ALL=C.UTF-8
  local done_count total rest share step shown=-1 start=$SECONDS full empty steps=10 before='' after=$'\n'
  full=$(printf '█%.0s' {1..30})
  empty=$(printf '░%.0s' {1..30})
  if $interactive; then steps=200 before=$'\r' after=''; fi
  while read -r done_count total rest; do
    [[ $done_count =~ ^[0-9]+$ && $total =~ ^[1-9][0-9]*$ ]] || continue
    share=$((done_count >= total ? 30 : done_count * 30 / total))
    step=$((done_count * steps / total))
    [ "$step" != "$shown" ] || continue
    shown=$step
    printf '%s%-28s %s%s %3d %%  %d s%s' "$before" "$1" "${full:0:share}" "${empty:share}" \
      $((done_count * 100 / total)) $((SECONDS - start)) "$after" >&2
  done
  if $interactive && [ "$shown" -ge 0 ]; then printf '\n' >&2; fi
}

# configure PRESET [cmake option...]: makes build/PRESET unless it is already configured with these options.
configure() {
  local preset=$1 stamp log wanted
  shift
  # A folder that came or went changes the build, and only a new configuration notices.
  wanted="$* $(cd "$repository" && echo src/*/CMakeLists.txt apps/*.cmake bench/CMakeLists.txt tests/unit/*/)"
  mkdir -p "$repository/build/$preset"
  stamp="$repository/build/$preset/.configured"
  log="$repository/build/$preset/configure.log"
  if [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && [ -e "$repository/build/$preset/build.ninja" ]; then return 0; fi
  (cd "$repository" && cmake --preset "$preset" "$@" >"$log" 2>&1) || {
    tail -n 40 "$log" >&2
    die "Configuring build/$preset failed; the whole log is $log"
  }
  printf '%s' "$wanted" >"$stamp"
}

# build PRESET [target...]: compiles with a progress bar; ends the script with the compiler's words when it fails.
build() {
  local preset=$1 folder log
  shift
  folder="$repository/build/$preset"
  log="$folder/build.log"
  if ! NINJA_STATUS='[%f/%t] ' setpriv --pdeathsig TERM ninja -C "$folder" -j "$jobs" "$@" 2>&1 | tee "$log" |
    sed -un 's|^\[\([0-9]*\)/\([0-9]*\)\].*|\1 \2|p' | progress "Compiling ($preset)"; then
    grep -n -m 20 -A 12 -E 'FAILED:|error:' "$log" >&2 || tail -n 40 "$log" >&2
    die "The build failed; the whole log is $log"
  fi
}

# unit_targets PRESET: the names of the unit test binaries.
unit_targets() { ninja -C "$repository/build/$1" -t targets all | sed -n 's/^\(unit_[a-z_]*\): .*/\1/p' | sort; }

# junit_case FILE SUITE NAME SECONDS [FAILURE]: one JUnit file with one case.
junit_case() {
  local message
  message=$(printf '%s' "${5:-}" | tr -d '\000-\010\013\014\016-\037' |
    sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g; s/"/\&quot;/g')
  {
    printf '<?xml version="1.0" encoding="UTF-8"?>\n'
    printf '<testsuites tests="1" failures="%d" errors="0"><testsuite name="%s" tests="1" failures="%d" errors="0">' \
      "$([ -n "$message" ] && echo 1 || echo 0)" "$2" "$([ -n "$message" ] && echo 1 || echo 0)"
    printf '<testcase classname="%s" name="%s" time="%s">' "$2" "$3" "$4"
    [ -z "$message" ] || printf '<failure message="failed">%s</failure>' "$message"
    printf '</testcase></testsuite></testsuites>\n'
  } >"$1"
}

# junit_totals FOLDER: prints "TESTS FAILURES SKIPPED" summed over the JUnit files in it, cases counted one by one.
junit_totals() {
  awk '
    { while (match($0, /<(testcase|failure|error|skipped)[ \/>]/)) {
        word = substr($0, RSTART + 1, RLENGTH - 2)
        if (word == "testcase") { tests++; failed = 0 }
        else if (word == "skipped") skipped++
        else if (!failed) { failures++; failed = 1 }
        $0 = substr($0, RSTART + RLENGTH) } }
    END { printf "%d %d %d\n", tests, failures, skipped }' /dev/null "$1"/*.xml 2>/dev/null
}
