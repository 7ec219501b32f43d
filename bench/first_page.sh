#!/usr/bin/env bash
# JavaScript that the first page transfers: the scripts and preloads that index.html names, compressed. The time until it
# is interactive is measured in Chromium by the end-to-end tests (scripts/dev/run-tests.sh e2e).
#   bench/first_page.sh [DIR]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
product "${1:-}"
total=0
for file in $(curl -fsS "$base/" | grep -oE '(src|href)="[^"]+\.js"' | sed 's/.*="\(.*\)"/\1/' | sort -u); do
  size=$(curl -fsS -o /dev/null -w '%{size_download}' -H 'Accept-Encoding: gzip' "$base$file")
  printf '  %8d bytes  %s\n' "$size" "$file"
  total=$((total + size))
done
[ "$total" -gt 0 ] || die "index.html names no script; is the user interface built?"
verdict "JavaScript of the first page" "$(awk -v t=$total 'BEGIN { printf "%.0f", t / 1024 }')" '<=' 600 KB
