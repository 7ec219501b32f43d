#!/usr/bin/env bash
# Builds and runs the tests and prints one summary; JUnit files go to test-results/.
#
#   scripts/dev/run-tests.sh [unit|rules|celery|system|e2e|infrastructure|images|performance|sanitize|fuzz|gpu]... [--sanitize address|thread] [--filter PATTERN]
#
#   unit       every C++ unit test, and the unit tests of the user interface
#   rules      the data-driven tests only (tests/rules: an input and what is expected of it)
#   celery     the task engine against a real Celery (client, rival worker, monitor), failing workers and Redis
#   system     black box tests against processes started by run-dev-server.sh
#   e2e        the user interface in Chromium, against the same
#   infrastructure   what is deployed, without a cluster: manifests, network policies, Sentinel, the database's setup
#   images     the images that scripts/build-images.sh made here, run with podman; PRICING_IMAGES is their --registry
#   performance      a small load by Artillery against a product started for it: p95 and errors
#   sanitize   the unit tests of the pure folders under AddressSanitizer and UBSan
#   fuzz       each fuzz target over its corpus and then on new inputs for PRICING_FUZZ_SECONDS (default 20)
#   gpu        compiles the GPU variant of the forests and loads it, where nvcc is; part of unit too
# Without names: unit, celery, system and e2e. --sanitize runs the C++ unit tests of every folder under that sanitizer.
# Ends with the line "N passed, N failed"; fails when a test failed, crashed or did not start.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$repository"

parts=()
filter='*'
sanitize=
while [ $# -gt 0 ]; do
  case $1 in
    unit | rules | celery | system | e2e | infrastructure | images | performance | sanitize | fuzz | gpu) parts+=("$1") ;;
    --sanitize) sanitize=${2:?address or thread} && shift ;;
    --filter) filter=${2:?a GoogleTest pattern} && shift ;;
    -h | --help) sed -n '2,18s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) die "run-tests.sh: unknown part '$1' (unit rules celery system e2e infrastructure images performance sanitize fuzz gpu)" ;;
  esac
  shift
done
[ ${#parts[@]} -gt 0 ] || [ -n "$sanitize" ] || parts=(unit celery system e2e)

# The folders whose code is pure or parses hostile input, where a sanitizer finds what a test cannot.
sanitized_folders='core wire match learn economics'

scripts/dev/install-packages.sh build run ui test
results="$repository/test-results"
rm -rf "$results"
mkdir -p "$results"

# run_binaries PRESET LABEL FILTER target...: runs GoogleTest binaries one after another.
run_binaries() {
  local preset=$1 label=$2 pattern=$3 target start log
  shift 3
  for target in "$@"; do
    start=$SECONDS
    log="$results/$label-$target.log"
    if nice -n 5 timeout 900 "build/$preset/bin/$target" --gtest_filter="$pattern" --gtest_brief=1 \
      --gtest_output="xml:$results/$label-$target.xml" >"$log" 2>&1; then
      say "  $target: $(tail -n 1 "$log") ($((SECONDS - start)) s)"
    else
      say "  $target: FAILED ($((SECONDS - start)) s)"
      grep -E -A 12 'Failure|FAILED|ERROR: |runtime error' "$log" | head -n 60 >&2 || tail -n 30 "$log" >&2
      # A crash after the last test leaves a report without a failure; one before it leaves none.
      grep -qs '<failure' "$results/$label-$target.xml" ||
        junit_case "$results/$label-$target-crash.xml" "$target" crashed 0 "$(tail -n 30 "$log")"
    fi
  done
}

unit_part() {
  local targets
  configure release
  mapfile -t targets < <(unit_targets release)
  [ ${#targets[@]} -gt 0 ] || die "no unit test binary is configured"
  build release "${targets[@]}"
  say "Unit tests"
  run_binaries release unit "$1" "${targets[@]}"
}

gpu_part() {
  local log="$results/gpu.log" start=$SECONDS
  if ! command -v nvcc >/dev/null && [ ! -x /usr/local/cuda/bin/nvcc ]; then
    say "GPU variant: not compiled, this machine has no nvcc"
    return 0
  fi
  say "GPU variant"
  if (configure gpu && build gpu pricing_forest_gpu &&
    python3 -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1]).pricing_forest_gpu' build/gpu/lib/libpricing_forest_gpu.so) >"$log" 2>&1; then
    say "  compiled and loaded ($((SECONDS - start)) s)"
    junit_case "$results/gpu.xml" gpu compiles $((SECONDS - start))
  else
    say "  FAILED ($((SECONDS - start)) s)"
    tail -n 40 "$log" >&2
    junit_case "$results/gpu.xml" gpu compiles $((SECONDS - start)) "$(tail -n 40 "$log")"
  fi
}

sanitize_part() { # address|thread [folder...]
  local preset=asan targets folder chosen=()
  [ "$1" = thread ] && preset=tsan
  shift
  configure "$preset"
  mapfile -t targets < <(unit_targets "$preset")
  if [ $# -gt 0 ]; then
    for folder in "$@"; do
      case " ${targets[*]} " in *" unit_$folder "*) chosen+=("unit_$folder") ;; esac
    done
  else
    chosen=("${targets[@]}")
  fi
  build "$preset" "${chosen[@]}"
  say "Unit tests under $preset"
  # A static race detector that finds nothing because it stops at the first finding is no help: report and fail.
  ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=halt_on_error=0 \
    run_binaries "$preset" "$preset" "$filter" "${chosen[@]}"
}

ui_part() {
  [ -e ui/package.json ] || return 0
  say "User interface unit tests"
  scripts/dev/install-ui.sh
  local log="$results/ui.log"
  if ! (cd ui && npx --no-install vitest run --reporter=default --reporter=junit \
    --outputFile.junit="$results/ui.xml") >"$log" 2>&1; then
    tail -n 60 "$log" >&2
    [ -s "$results/ui.xml" ] || junit_case "$results/ui.xml" ui vitest 0 "$(tail -n 30 "$log")"
  fi
}

fuzz_target() { # NAME SEED SECONDS
  local target=fuzz_$1 log="$results/fuzz_$1.log" start=$SECONDS found
  found=$(mktemp -d)
  if nice -n 5 "build/fuzz/bin/$target" -seed="$2" -max_total_time="$3" -timeout=20 -rss_limit_mb=2048 -max_len=16384 \
    -artifact_prefix="$results/$target-" "$found" "tests/fuzz/corpus/$1" >"$log" 2>&1; then
    say "  $target: $(grep -oE 'Done [0-9]+ runs' "$log")"
    junit_case "$results/$target.xml" fuzz "$1" $((SECONDS - start))
  else
    say "  $target: FAILED; the input is test-results/$target-*"
    tail -n 40 "$log" >&2
    junit_case "$results/$target.xml" fuzz "$1" $((SECONDS - start)) "$(tail -n 30 "$log")"
  fi
  rm -rf "$found"
}

fuzz_part() {
  # The same inputs every time, so that a red run means a change; PRICING_FUZZ_SECONDS hunts with new ones.
  local seconds=${PRICING_FUZZ_SECONDS:-20} seed=1 targets target cores
  [ -z "${PRICING_FUZZ_SECONDS:-}" ] || seed=0
  cores=$(nproc)
  configure fuzz
  mapfile -t targets < <(ninja -C build/fuzz -t targets all | sed -n 's/^\(fuzz_[a-z_]*\): .*/\1/p' | sort)
  [ ${#targets[@]} -gt 0 ] || die "no fuzz target is configured"
  build fuzz "${targets[@]}"
  say "Fuzzing, $seconds s each, $cores at once"
  for target in "${targets[@]}"; do
    [ "$(jobs -rp | wc -l)" -lt "$cores" ] || wait -n
    fuzz_target "${target#fuzz_}" "$seed" "$seconds" &
  done
  wait
  for target in "${targets[@]}"; do
    [ -s "$results/$target.xml" ] || junit_case "$results/$target.xml" fuzz "${target#fuzz_}" 0 "it left no result"
  done
}

# black_box_part NAME COMMAND...: a runner that writes test-results/NAME.xml itself and fails when a test failed.
black_box_part() {
  local name=$1 log="$results/$1.log" start=$SECONDS
  shift
  if [ ! -e apps/web.cmake ]; then
    say "$name tests: not run, this tree has no pricing-web"
    return 0
  fi
  say "$name tests"
  if timeout 1500 "$@" >"$log" 2>&1; then
    say "  $name: passed ($((SECONDS - start)) s)"
  else
    say "  $name: FAILED ($((SECONDS - start)) s)"
    tail -n 80 "$log" >&2
    [ -s "$results/$name.xml" ] || junit_case "$results/$name.xml" "$name" runner 0 "$(tail -n 40 "$log")"
  fi
}

for part in "${parts[@]}"; do
  case $part in
    unit)
      unit_part "$filter"
      ui_part
      gpu_part
      ;;
    rules) unit_part '*rules*' ;;
    sanitize)
      # shellcheck disable=SC2086
      sanitize_part address $sanitized_folders
      ;;
    fuzz) fuzz_part ;;
    gpu) gpu_part ;;
    celery)
      configure release
      build release celery_test_worker celery_test_client
      # The distribution's Python, which has the distribution's Celery.
      black_box_part celery /usr/bin/python3 tests/celery/run.py --junit "$results/celery.xml"
      ;;
    system) [ ! -e tests/system/run.py ] || black_box_part system python3 tests/system/run.py --junit "$results/system.xml" ;;
    infrastructure)
      configure release
      build release pricing-web pricing-ml pricing-worker pricing-beat pricing-ctl
      black_box_part infrastructure /usr/bin/python3 tests/infrastructure/run.py --junit "$results/infrastructure.xml"
      ;;
    images)
      black_box_part images /usr/bin/python3 tests/images/run.py --junit "$results/images.xml" \
        ${PRICING_IMAGES:+--registry "$PRICING_IMAGES"}
      ;;
    performance) black_box_part performance tests/performance/run.sh smoke --junit "$results/performance.xml" ;;
    e2e) [ ! -e tests/e2e/run.sh ] || black_box_part e2e tests/e2e/run.sh --junit "$results/e2e.xml" ;;
  esac
done
[ -z "$sanitize" ] || sanitize_part "$sanitize"

read -r tests failures skipped < <(junit_totals "$results")
say ""
[ "$skipped" -eq 0 ] || say "$skipped tests were skipped; their reasons are in test-results/"
echo "$((tests - failures - skipped)) passed, $failures failed"
[ "$failures" -eq 0 ] && [ "$tests" -gt 0 ]
