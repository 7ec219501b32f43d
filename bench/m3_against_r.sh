#!/usr/bin/env bash
# Time a series of src/forecast against R's forecast::ets and forecast::thetaf (Debian's r-cran-forecast): the same
# series of M3, one thread each, processor time, ours before and after theirs. Prints the ratios; exits 1 below 10.
#   bench/m3_against_r.sh DIR [EVERY=30] [PERIOD=MONTHLY]
# DIR as for m3_forecast. BIN is the folder of the binaries, build/release/bin unless set.
set -euo pipefail
dir=${1:?usage: m3_against_r.sh DIR [EVERY] [PERIOD]}
every=${2:-30}
period=${3:-MONTHLY}
bin=${BIN:-$(dirname "${BASH_SOURCE[0]}")/../build/release/bin}
command -v Rscript >/dev/null || { echo 'needs r-base-core and r-cran-forecast' >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

cat >"$work/peer.R" <<'R'
suppressMessages(library(forecast))
a <- commandArgs(trailingOnly = TRUE)
info <- read.csv(file.path(a[1], "M3_info.csv"))
info <- info[info$period == a[3], ]
info <- info[seq(1, nrow(info), by = as.integer(a[2])), ]
lines <- strsplit(readLines(file.path(a[1], "M3_train.csv")), ",")
names(lines) <- sapply(lines, `[`, 1)
spent <- function(f) { t <- system.time(f(), gcFirst = FALSE); sum(t[c("user.self", "sys.self")]) }
ets_s <- theta_s <- 0
for (k in seq_len(nrow(info))) {
  y <- suppressWarnings(as.numeric(lines[[as.character(info$series[k])]][-1]))
  y <- ts(y[!is.na(y)], frequency = info$freq[k])
  h <- info$h[k]
  ets_s <- ets_s + spent(function() forecast(ets(y), h = h))
  theta_s <- theta_s + spent(function() for (i in 1:3) thetaf(y, h = h)) / 3
}
cat(sprintf("series,%d\nets,%.1f\ntheta,%.1f\n", nrow(info), 1e6 * ets_s / nrow(info), 1e6 * theta_s / nrow(info)))
R

"$bin/m3_forecast" "$dir" --period "$period" --every "$every" --times >"$work/before"
Rscript --vanilla "$work/peer.R" "$dir" "$every" "$period" >"$work/peer"
"$bin/m3_forecast" "$dir" --period "$period" --every "$every" --times >"$work/after"

awk -F, '
  FILENAME ~ /peer$/ { peer[$1] = $2; next }
  !($1 in ours) || $2 < ours[$1] { ours[$1] = $2 }
  function row(name, us, other, peer_us, must) {
    printf "%-12s %9.1f us   %-18s %10.1f us   ratio %8.1f   must 10  aim 50  %s\n", name, us, other, peer_us, \
      peer_us / us, (!must ? "" : (peer_us / us >= 10 ? "ok" : "MISSED"))
    if (must && peer_us / us < 10) bad = 1
  }
  END {
    printf "%d series of M3 %s\n", peer["series"], period
    row("ets", ours["ets"], "forecast::ets", peer["ets"], 1)
    row("theta", ours["theta"], "forecast::thetaf", peer["theta"], 1)
    row("combination", ours["combination"], "forecast::ets", peer["ets"], 0)
    row("combination", ours["combination"], "forecast::thetaf", peer["theta"], 0)
    exit bad
  }' period="$period" "$work/before" "$work/after" "$work/peer"
