# Shared by the scripts of this folder: sourced, never run.
# shellcheck shell=bash
# shellcheck disable=SC2034  # the constants are used by those who source this

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# A dry run prints what would touch anything outside of this checkout, and does not do it.
dry_run=${CI_DRY_RUN:-false}

say() { printf '%s\n' "$*" >&2; }
die() { printf '%s\n' "$*" >&2 && exit 1; }
wrong_use() { printf '%s: %s (see --help)\n' "$(basename "$0")" "$*" >&2 && exit 2; }

# help: the comment at the script's top, without its marks.
help() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; }

# outside COMMAND...: runs it; in a dry run prints it, with nothing of the environment filled in.
outside() {
  if [ "$dry_run" = true ]; then
    printf 'would run:' >&2
    printf ' %q' "$@" >&2
    printf '\n' >&2
  else
    "$@"
  fi
}

need() { # COMMAND what-for
  [ "$dry_run" = true ] || command -v "$1" >/dev/null || die "$1 is needed to $2 and is not on PATH"
}

# A name that goes into commands and addresses; refused rather than quoted.
checked_tag() { [[ $1 =~ ^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$ ]] || wrong_use "'$1' is not an image tag"; }
checked_environment() { [[ $1 =~ ^(staging|production)$ ]] || wrong_use "--environment is staging or production, not '$1'"; }

# in_debian SCRIPT ARGUMENT...: our packages are Debian's; elsewhere the script goes on in a Debian container. Variables go
# along by name: a value as an argument would stand in the process list.
in_debian() {
  local id name pass=()
  id=$(. /etc/os-release && echo "$ID")
  [ "$id" != debian ] || return 0
  command -v docker >/dev/null || die "this is $id: our packages are those of Debian 12 or 13, and there is no docker to run one"
  for name in $(compgen -e); do
    case $name in CI | CI_* | AWS_* | PRICING_*) pass+=(--env "$name") ;; esac
  done
  # shellcheck disable=SC2016  # for the shell in the container
  exec docker run --rm --volume "$repository:/src" --workdir /src "${pass[@]}" \
    --env GIT_CONFIG_COUNT=1 --env GIT_CONFIG_KEY_0=safe.directory --env GIT_CONFIG_VALUE_0=/src \
    "${CI_DEBIAN_IMAGE:-debian:12}" bash -c \
    'apt-get -qq update && apt-get -qq install -y --no-install-recommends git ca-certificates >/dev/null && exec "$@"' \
    bash "scripts/ci/$(basename "$1")" "${@:2}"
}
