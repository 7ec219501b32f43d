#!/usr/bin/env bash
# Builds the images web, ml and worker; with --push sends them to the registry and writes their digests to
# test-results/digests.txt, one "IMAGE@DIGEST" a line, which is what gets signed.
#
#   scripts/ci/build-images.sh --tag TAG [--registry ADDRESS] [--push] [--dry-run]
#
# The registry's password is never an argument: log in before, see registry-login.sh.
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
builder=$(command -v docker || command -v podman || echo docker)
need "$builder" "build images"
cd "$repository"
mkdir -p test-results
# The commit's time, so that two builds of a commit are the same bytes.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
for image in web ml worker; do
  file=Dockerfile.$image
  [ -e "$file" ] || file=infrastructure/docker/Dockerfile.$image
  [ -e "$file" ] || [ "$dry_run" = true ] || die "there is no Dockerfile.$image, neither here nor in infrastructure/docker"
  target=()
  [ "$image" != ml ] || target=(--target cpu)
  outside "$builder" build --file "$file" "${target[@]}" --build-arg "SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH" \
    --label "org.opencontainers.image.version=$tag" --label "org.opencontainers.image.revision=$(git rev-parse HEAD)" \
    --tag "$registry/$image:$tag" .
done
$push || exit 0
$dry_run || : >test-results/digests.txt
for image in web ml worker; do
  outside "$builder" push "$registry/$image:$tag"
  if [ "$dry_run" != true ]; then
    digest=$("$builder" image inspect --format '{{index .RepoDigests 0}}' "$registry/$image:$tag")
    [[ $digest =~ @sha256:[0-9a-f]{64}$ ]] || die "the registry gave no digest for $image: '$digest'"
    echo "$digest" >>test-results/digests.txt
  fi
done
