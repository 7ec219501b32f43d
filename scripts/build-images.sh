#!/usr/bin/env bash
# Builds the images web, ml, ml-gpu, worker, ctl and backup from a clean checkout; the same commit gives the same digests.
#
#   scripts/build-images.sh [option...] [image...]
#
#   --tag TAG          default: v and the version of CMakeLists.txt
#   --registry NAME    default: ghcr.io/pricing-agent
#   --base IMAGE       the Debian to build in, default debian:bookworm-slim; for digests to repeat name it by digest. An image
#                      of this machine, such as one of scripts/make-base-image.sh, is named localhost/...
#   --postgres IMAGE   what backup takes PostgreSQL's programs from: what the server runs, default timescale/timescaledb
#   --prebuilt FOLDER  with bin/ and ui/: packs them instead of compiling (the libraries must be in the base)
#   --ca FILE          certificates that the build trusts as well, where a proxy ends TLS
#   --ccache FOLDER    a compiler cache to use and fill; without it everything is compiled
#   --no-cache         nothing that an earlier build ran is taken: packages and compiling anew, once for all images named
#   --push             push them, and print their digests
# The images postgres and redis, built on demand, stand in for the public ones where no registry can be reached.
# Needs buildah, no daemon and no privileges beyond what buildah needs. Prints a line for each image: name, digest, size.
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$repository"
die() { printf '%s\n' "$*" >&2 && exit 1; }

version=$(sed -n 's/^project(pricing_agent VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
tag=v$version registry=ghcr.io/pricing-agent prebuilt='' push=false images=() more=()
while [ $# -gt 0 ]; do
  case $1 in
    --tag) tag=${2:?--tag needs a name} && shift ;;
    --registry) registry=${2:?--registry needs a name} && shift ;;
    --base) more+=(--build-arg "BASE=${2:?--base needs an image}") && shift ;;
    --postgres) more+=(--build-arg "POSTGRES=${2:?--postgres needs an image}") && shift ;;
    --prebuilt) prebuilt=$(realpath "${2:?--prebuilt needs a folder}") && shift ;;
    --ca)
      more+=(--volume "$(realpath "${2:?--ca needs a file}"):/run/build-ca.crt:ro" --build-arg NODE_EXTRA_CA_CERTS=/run/build-ca.crt)
      shift
      ;;
    --ccache) more+=(--volume "$(realpath "${2:?--ccache needs a folder}"):/ccache:rw" --build-arg CCACHE_DIR=/ccache) && shift ;;
    --no-cache) more+=(--build-arg "FRESH=$(cat /proc/sys/kernel/random/uuid)") ;;
    --push) push=true ;;
    -h | --help) sed -n '2,18s/^# \{0,1\}//p' "$0" && exit 0 ;;
    web | ml | ml-gpu | worker | ctl | backup | postgres | redis) images+=("$1") ;;
    *) die "build-images.sh: unknown option or image '$1' (see --help)" ;;
  esac
  shift
done
[ ${#images[@]} -gt 0 ] || images=(web ml ml-gpu worker ctl backup)
for command in buildah python3; do command -v "$command" >/dev/null || die "$command is missing: apt-get install $command"; done

# What is committed. Files have one time, so that a layer kept from an older commit is no other one; what lies about in the folder is no part of it.
revision=$(git rev-parse HEAD)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
context=$work/context
mkdir "$context"
git archive "$revision" | tar -x -C "$context"
if [ -n "$prebuilt" ]; then
  mkdir -p "$context/prebuilt"
  cp -r "$prebuilt/bin" "$prebuilt/ui" "$context/prebuilt/"
  find "$context/prebuilt" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
  more+=(--build-arg PREBUILT=prebuilt)
fi

declare -A file=([web]=Dockerfile.web [ml]=Dockerfile.ml [ml-gpu]=Dockerfile.ml [worker]=Dockerfile.worker
  [ctl]=Dockerfile.worker [backup]=Dockerfile.backup [postgres]=postgres/Dockerfile [redis]=redis/Dockerfile)
declare -A target=([ml]=cpu [ml-gpu]=gpu)
for image in "${images[@]}"; do
  name=$registry/${image%-gpu}:$tag
  [ "$image" != ml-gpu ] || name+=-gpu
  # chroot: works inside a container and without user namespaces, as build machines often are. A base of this machine is
  # there or nowhere.
  buildah bud --isolation chroot --format docker --layers --pull=false --identity-label=false --timestamp 0 \
    "${more[@]}" --build-arg SOURCE_DATE_EPOCH=0 --build-arg "VERSION=${tag#v}" \
    --build-arg "REVISION=$revision" --file "$context/infrastructure/docker/${file[$image]}" \
    --target "${target[$image]:-$image}" --iidfile "$work/id" "$context" >&2
  # The image proper, without what tells one build from the next.
  rm -rf "$work/image"
  buildah push --quiet "$(cat "$work/id")" "dir:$work/image" >&2
  digest=$(python3 infrastructure/docker/settle.py "$work/image" "org.opencontainers.image.version=${tag#v}" \
    "org.opencontainers.image.revision=$revision")
  id=$(buildah pull --quiet "dir:$work/image")
  buildah tag "$id" "$name"
  printf '%s %s %s\n' "$name" "$digest" "$(buildah images --format '{{.Size}}' "$name" | sed -n 1p)"
  if $push; then
    buildah push --digestfile "$work/digest" "$name" >&2
    printf '%s@%s pushed\n' "$name" "$(cat "$work/digest")"
  fi
done
