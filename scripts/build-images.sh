#!/usr/bin/env bash
# Builds the images web, ml, ml-gpu, worker and ctl from a clean checkout; the same commit gives the same digests.
#
#   scripts/build-images.sh [--tag TAG] [--registry NAME] [--base IMAGE] [--prebuilt FOLDER] [--no-cache] [image...]
#
#   --tag TAG          default: v and the version of CMakeLists.txt
#   --registry NAME    default: ghcr.io/pricing-agent
#   --base IMAGE       the Debian to build in, default debian:bookworm-slim; for digests to repeat name it by digest
#   --prebuilt FOLDER  with bin/ and ui/: packs them instead of compiling (the libraries must be in the base)
#   --push             push them, and print their digests
# Needs buildah, no daemon and no privileges beyond what buildah needs. Prints a line for each image: name, digest, size.
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$repository"
die() { printf '%s\n' "$*" >&2 && exit 1; }

version=$(sed -n 's/^project(pricing_agent VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
tag=v$version registry=ghcr.io/pricing-agent base='' prebuilt='' push=false images=() more=()
while [ $# -gt 0 ]; do
  case $1 in
    --tag) tag=${2:?--tag needs a name} && shift ;;
    --registry) registry=${2:?--registry needs a name} && shift ;;
    --base) base=${2:?--base needs an image} && shift ;;
    --prebuilt) prebuilt=$(realpath "${2:?--prebuilt needs a folder}") && shift ;;
    --no-cache) more+=(--no-cache) ;;
    --push) push=true ;;
    -h | --help) sed -n '2,12s/^# \{0,1\}//p' "$0" && exit 0 ;;
    web | ml | ml-gpu | worker | ctl) images+=("$1") ;;
    *) die "build-images.sh: unknown option or image '$1' (see --help)" ;;
  esac
  shift
done
[ ${#images[@]} -gt 0 ] || images=(web ml ml-gpu worker ctl)
command -v buildah >/dev/null || die "buildah is missing: apt-get install buildah"

# What is committed, with the commit's time on every file; what lies about in the folder is no part of it.
revision=$(git rev-parse HEAD)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
git archive "$revision" | tar -x -C "$context"
if [ -n "$prebuilt" ]; then
  mkdir -p "$context/prebuilt"
  cp -r "$prebuilt/bin" "$prebuilt/ui" "$context/prebuilt/"
  find "$context/prebuilt" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
fi

declare -A file=([web]=web [ml]=ml [ml-gpu]=ml [worker]=worker [ctl]=worker)
declare -A target=([web]=web [ml]=cpu [ml-gpu]=gpu [worker]=worker [ctl]=ctl)
for image in "${images[@]}"; do
  # chroot: works inside a container and without user namespaces, as build machines often are.
  name=$registry/${image%-gpu}:$tag
  [ "$image" != ml-gpu ] || name+=-gpu
  buildah bud --isolation chroot --format docker --layers --timestamp "$SOURCE_DATE_EPOCH" "${more[@]}" \
    ${base:+--build-arg "BASE=$base" --pull-never} ${prebuilt:+--build-arg PREBUILT=prebuilt} \
    --build-arg "SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH" --build-arg "VERSION=${tag#v}" --build-arg "REVISION=$revision" \
    --file "$context/infrastructure/docker/Dockerfile.${file[$image]}" --target "${target[$image]}" --tag "$name" \
    "$context" >&2
  printf '%s %s %s\n' "$name" "$(buildah inspect --type image --format '{{.FromImageDigest}}' "$name")" \
    "$(buildah images --format '{{.Size}}' "$name")"
  if $push; then
    buildah push --digestfile "$context/digest" "$name" >&2
    printf '%s@%s pushed\n' "$name" "$(cat "$context/digest")"
  fi
done
