#!/usr/bin/env bash
# Makes the Debian that the images are built in out of Debian's packages, for machines that reach no registry of images.
#
#   scripts/make-base-image.sh [bookworm|trixie] [NAME]     default: bookworm, localhost/debian:bookworm
#
# Needs mmdebstrap and buildah, and root or user namespaces. Then: scripts/build-images.sh --base NAME
set -euo pipefail
case ${1:-bookworm} in
  bookworm | trixie) suite=${1:-bookworm} ;;
  *) sed -n '2,6s/^# \{0,1\}//p' "$0" && [[ $1 == -h || $1 == --help ]] && exit 0 || exit 2 ;;
esac
name=${2:-localhost/debian:$suite}
for command in mmdebstrap buildah; do
  command -v "$command" >/dev/null || { echo "$command is missing: apt-get install $command" >&2 && exit 1; }
done
folder=$(mktemp -d)
container=
clean() {
  [ -z "$container" ] || buildah rm "$container" >/dev/null
  rm -rf "$folder"
}
trap clean EXIT
# The same packages are the same bytes; documentation is of no use in a build.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-0}
mmdebstrap --quiet --variant=minbase --include=ca-certificates --dpkgopt=path-exclude='/usr/share/doc/*' \
  --dpkgopt=path-exclude='/usr/share/man/*' "$suite" "$folder/root.tar"
container=$(buildah from scratch)
buildah add --quiet "$container" "$folder/root.tar" / >/dev/null
buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --cmd bash "$container"
buildah commit --quiet --format docker --timestamp "$SOURCE_DATE_EPOCH" "$container" "$name" >/dev/null
printf '%s %s\n' "$name" "$(buildah images --format '{{.Size}}' "$name")"
