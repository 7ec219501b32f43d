#!/usr/bin/env bash
# Publishes a release of a tag that production runs, with its bills of materials and the notes of CHANGELOG.md.
#
#   scripts/ci/release.sh --tag v1.2.3 [--dry-run]
#
# Needs GH_TOKEN. A release that exists already is left as it is.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
tag=''
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) help && exit 0 ;;
    --tag) tag=${2:?--tag needs a name} && shift ;;
    --dry-run) dry_run=true ;;
    *) wrong_use "unknown option '$1'" ;;
  esac
  shift
done
[[ $tag =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$ ]] || wrong_use "--tag is a release such as v1.2.3"
need gh "publish"
cd "$repository"
notes=$(mktemp)
trap 'rm -f "$notes"' EXIT
# The section of this version, else the newest one.
awk -v version="${tag#v}" '
  /^## / { if (found) exit; inside = index($0, version) > 0; if (inside) found = 1; next }
  inside' CHANGELOG.md >"$notes"
[ -s "$notes" ] || awk '/^## / { if (n++) exit; next } n' CHANGELOG.md >"$notes"
files=()
for file in test-results/*.cdx.json test-results/*.spdx.json; do [ ! -e "$file" ] || files+=("$file"); done
if [ "$dry_run" != true ] && gh release view "$tag" >/dev/null 2>&1; then
  say "$tag is published already"
  exit 0
fi
kind=()
[[ $tag != *-* ]] || kind=(--prerelease)
outside gh release create "$tag" --verify-tag --title "$tag" --notes-file "$notes" "${kind[@]}" "${files[@]}"
