#!/usr/bin/env bash
# Builds the images twice, running every step anew, and prints both digests of each; fails when they differ.
#
#   scripts/compare-image-builds.sh [option or image of scripts/build-images.sh...]
#
# Only the first build takes objects from the compiler cache of --ccache; the second compiles everything.
set -euo pipefail
case ${1:-} in -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0" && exit 0 ;; esac
cd "$(dirname "${BASH_SOURCE[0]}")/.."
from_nothing=()
skip=false
for word in "$@"; do
  if $skip; then skip=false; elif [ "$word" = --ccache ]; then skip=true; else from_nothing+=("$word"); fi
done
one=$(scripts/build-images.sh "$@" --registry localhost/first-build --no-cache)
two=$(scripts/build-images.sh "${from_nothing[@]}" --registry localhost/second-build --no-cache)
printf '%s\n' "$one" "$two"
digests() { awk '{ sub(/.*\//, "", $1); print $1, $2 }' <<<"$1"; }
[ "$(digests "$one")" = "$(digests "$two")" ] || { echo "The builds differ." >&2 && exit 1; }
echo "Two builds, the same digests." >&2
