#!/usr/bin/env bash
# Builds the images that the manifests name, by scripts/build-images.sh, and hands them to Docker, where the scanner looks; with
# --push sends them to the registry and writes their digests to test-results/digests.txt, one "IMAGE@DIGEST" a line, which is
# what gets signed.
#
#   scripts/ci/build-images.sh --tag TAG [--registry ADDRESS] [--push] [--dry-run]
#
# Needs buildah. The registry's password is never an argument: log in before, see registry-login.sh.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
tag='' registry=localhost/pricing-agent push=false
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) help && exit 0 ;;
    --tag) tag=${2:?--tag needs a name} && shift ;;
    --registry) registry=${2:?--registry needs an address} && shift ;;
    --push) push=true ;;
    --dry-run) dry_run=true ;;
    *) wrong_use "unknown option '$1'" ;;
  esac
  shift
done
checked_tag "$tag"
[[ $registry =~ ^[A-Za-z0-9.:/_-]+$ ]] || wrong_use "'$registry' is not a registry's address"
need buildah "build images"
cd "$repository"
mkdir -p test-results
images=(web ml ml-gpu worker backup)
outside scripts/build-images.sh --tag "$tag" --registry "$registry" "${images[@]}"
$dry_run || ! $push || : >test-results/digests.txt
for image in "${images[@]}"; do
  name=$registry/${image%-gpu}:$tag
  [ "$image" != ml-gpu ] || name+=-gpu
  if command -v docker >/dev/null; then outside buildah push --quiet "$name" "docker-daemon:$name"; fi
  $push || continue
  outside buildah push --quiet --digestfile test-results/digest "$name"
  if [ "$dry_run" != true ]; then
    digest=$(cat test-results/digest)
    [[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || die "the registry gave no digest for $image: '$digest'"
    echo "$registry/${image%-gpu}@$digest" >>test-results/digests.txt
  fi
done
