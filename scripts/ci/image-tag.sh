#!/usr/bin/env bash
# Prints the tag of a commit's images, and writes it to $GITHUB_OUTPUT as "tag" where there is one.
#
#   scripts/ci/image-tag.sh --ref main|v1.2.3 --sha COMMIT
#
# A release (v1.2.3) is its own tag; every other ref's images are sha-COMMIT.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
ref='' sha=''
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) help && exit 0 ;;
    --ref) ref=${2:?--ref needs a name} && shift ;;
    --sha) sha=${2:?--sha needs a commit} && shift ;;
    *) wrong_use "unknown option '$1'" ;;
  esac
  shift
done
[[ $sha =~ ^[0-9a-f]{40}$ ]] || wrong_use "--sha is a commit of 40 hexadecimal digits"
[ -n "$ref" ] || wrong_use "--ref is missing"
if [[ $ref =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$ ]]; then tag=$ref; else tag=sha-$sha; fi
[ -z "${GITHUB_OUTPUT:-}" ] || echo "tag=$tag" >>"$GITHUB_OUTPUT"
echo "$tag"
