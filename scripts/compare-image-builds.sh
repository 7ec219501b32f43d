#!/usr/bin/env bash
# Builds the images twice, the second time without any cached layer, and prints both digests of each; fails when they differ.
#
#   scripts/compare-image-builds.sh [option or image of scripts/build-images.sh...]
#
# Leave out --ccache where compiling itself is to be compared: it takes the second time as long as the first.
set -euo pipefail
case ${1:-} in -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0" && exit 0 ;; esac
cd "$(dirname "${BASH_SOURCE[0]}")/.."
one=$(scripts/build-images.sh "$@" --registry localhost/first-build)
two=$(scripts/build-images.sh "$@" --registry localhost/second-build --no-cache)
printf '%s\n' "$one" "$two"
digests() { awk '{ sub(/.*\//, "", $1); print $1, $2 }' <<<"$1"; }
[ "$(digests "$one")" = "$(digests "$two")" ] || { echo "The builds differ." >&2 && exit 1; }
echo "Two builds, the same digests." >&2
