#!/usr/bin/env bash
# Installs a tool at one version, whose checksum stands here, and puts it on PATH for the steps that follow.
#
#   scripts/ci/install-tool.sh trivy [--folder FOLDER] [--dry-run]
#
# No action is used for it: a version's tag can be moved, a checksum cannot.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
tool='' folder=${RUNNER_TEMP:-/tmp}/tools
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) help && exit 0 ;;
    --folder) folder=${2:?--folder needs a path} && shift ;;
    --dry-run) dry_run=true ;;
    trivy) tool=$1 ;;
    *) wrong_use "unknown tool or option '$1'" ;;
  esac
  shift
done
case $tool in
  trivy)
    address=https://github.com/aquasecurity/trivy/releases/download/v0.70.0/trivy_0.70.0_Linux-64bit.tar.gz
    sha256=8b4376d5d6befe5c24d503f10ff136d9e0c49f9127a4279fd110b727929a5aa9
    ;;
  *) wrong_use "name a tool" ;;
esac
[ "$(uname -m)" = x86_64 ] || die "the checksum of $tool is the one for x86_64"
if [ "$dry_run" = true ]; then
  say "would download $address, check $sha256 and install $tool in $folder"
  exit 0
fi
mkdir -p "$folder"
archive=$(mktemp "$folder/$tool.XXXXXX")
trap 'rm -f "$archive"' EXIT
curl --fail --silent --show-error --location --proto '=https' --retry 3 --max-time 300 --output "$archive" "$address"
echo "$sha256  $archive" | sha256sum --check --strict --quiet
tar -xzf "$archive" -C "$folder" "$tool"
[ -z "${GITHUB_PATH:-}" ] || echo "$folder" >>"$GITHUB_PATH"
say "$tool is in $folder"
