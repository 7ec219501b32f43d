#!/usr/bin/env bash
# The isolation forest against scikit-learn's on the same labelled sets in the same run: mean ROC AUC over sets and five
# seeds of each, and the time for one row at 100 trees. Fails below the musts.
#
#   bench/anomaly_against_sklearn.sh FILE.csv[.gz]...
#
# Each file: a header line, numbers, last column 1 for an anomaly. Needs anomaly_detection (ninja -C build/release
# anomaly_detection) and a Python with scikit-learn: PYTHON (/usr/bin/python3); PEERS names a file to source first,
# where scikit-learn is unpacked into a place of its own.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

bin=${BIN:-$repository/build/release/bin}
python=${PYTHON:-/usr/bin/python3}
[ $# -gt 0 ] || die "usage: bench/anomaly_against_sklearn.sh FILE.csv[.gz]..."
[ -x "$bin/anomaly_detection" ] || die "Build first: ninja -C build/release anomaly_detection"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"$bin/anomaly_detection" "$@" | tee "$folder/ours"
(
  # shellcheck disable=SC1090
  [ -z "${PEERS:-}" ] || source "$PEERS"
  "$python" - "$@" <<'PYTHON' | tee "$folder/theirs"
import os, sys, time
import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

aucs, times = [], []
print(f"{'scikit-learn, set':<24} {'auc':>9} {'us/row':>12}")
for path in sys.argv[1:]:
    rows = np.genfromtxt(path, delimiter=",", skip_header=1)
    x, y = rows[:, :-1], rows[:, -1]
    scores = []
    for seed in range(5):
        forest = IsolationForest(random_state=seed).fit(x)
        scores.append(roc_auc_score(y, -forest.score_samples(x)))
    best = min(timed for timed in (
        (lambda start: (forest.score_samples(x[i:i + 1]), time.perf_counter() - start)[1])(time.perf_counter())
        for i in range(15)))
    aucs.append(np.mean(scores))
    times.append(best * 1e6)
    print(f"{os.path.basename(path):<24} {aucs[-1]:9.4f} {times[-1]:12.1f}", flush=True)
print(f"{'mean':<24} {np.mean(aucs):9.4f} {np.mean(times):12.1f}")
PYTHON
)

mean() { awk -v c="$2" '$1 == "mean" { print $c }' "$folder/$1"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.4f", a / b }'; }
ok=0
echo
verdict "ROC AUC, isolation forest / scikit-learn's" "$(ratio "$(mean ours 2)" "$(mean theirs 2)")" '>=' 1 '' || ok=1
verdict "one row, 100 trees: scikit-learn's time / ours" "$(ratio "$(mean theirs 3)" "$(mean ours 7)")" '>=' 1000 x || ok=1
verdict "one row, 100 trees" "$(mean ours 7)" '<=' 10 us || ok=1
exit $ok
