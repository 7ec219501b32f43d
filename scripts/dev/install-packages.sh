#!/usr/bin/env bash
# Installs the Debian packages of scripts/packages.txt that are missing.
#
#   scripts/dev/install-packages.sh [--check] [group...]      groups: build run ui test lint (default: build run ui)
#
# --check installs nothing and fails when something is missing. No service is started or enabled and no database
# cluster is created by the installation; a PostgreSQL or Redis that is already installed is left as it is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
list=scripts/packages.txt
check=false
groups=()
for argument in "$@"; do
  case $argument in
    --check) check=true ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0" && exit 0 ;;
    build | run | ui | test | lint) groups+=("$argument") ;;
    *) echo "install-packages.sh: unknown group '$argument' (build run ui test lint)" >&2 && exit 2 ;;
  esac
done
[ ${#groups[@]} -gt 0 ] || groups=(build run ui)

node_is_there() {
  local version
  command -v npm >/dev/null && version=$(node --version 2>/dev/null) || return 1
  version=${version#v}
  [ "${version%%.*}" -ge 18 ]
}

# needs: one line of packages.txt per line, comments and headers gone, for the groups asked for.
needs=$(awk -v groups=" ${groups[*]} " '
  { sub(/#.*/, ""); gsub(/^[ \t]+|[ \t]+$/, "") }
  /^\[.*\]$/ { inside = index(groups, " " substr($0, 2, length($0) - 2) " ") > 0; next }
  inside && NF' "$list")
if node_is_there; then
  needs=$(grep -vxE 'nodejs|npm' <<<"$needs" || true)
fi

declare -A installed=()
while read -r state name; do
  [ "$state" = installed ] && installed[$name]=1
done < <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null)

missing=()
while read -r line; do
  [ -n "$line" ] || continue
  found=false
  for name in ${line//|/ }; do
    [ -z "${installed[$name]:-}" ] || found=true
  done
  $found || missing+=("$line")
done <<<"$needs"
[ ${#missing[@]} -gt 0 ] || exit 0
if $check; then
  printf 'missing: %s\n' "${missing[@]}" >&2
  exit 1
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "These packages are missing and neither root nor sudo is at hand. As root run:" >&2
    echo "  scripts/dev/install-packages.sh ${groups[*]}" >&2
    printf '  missing: %s\n' "${missing[@]}" >&2
    exit 1
  }
  as_root=(sudo)
fi
no_network() {
  echo "Installing packages failed (see above). Is the network, or the package mirror in /etc/apt, reachable?" >&2
  printf '  missing: %s\n' "${missing[@]}" >&2
  exit 1
}
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@"; }

echo "Installing ${#missing[@]} missing packages" >&2
apt update || no_network
offered() { [[ $(apt-cache policy "$1") == *'Candidate: '[0-9]* ]]; }
wanted=()
for line in "${missing[@]}"; do
  chosen=
  for name in ${line//|/ }; do
    if [ -z "$chosen" ] && offered "$name"; then chosen=$name; fi
  done
  [ -n "$chosen" ] || { echo "This distribution offers none of: $line (Debian 12 or 13 is needed)" >&2 && exit 1; }
  wanted+=("$chosen")
done

# While packages are unpacked, policy-rc.d forbids every service start, and PostgreSQL creates no cluster of its own.
# What was there before is put back, whatever happens.
policy=/usr/sbin/policy-rc.d
clusters=/etc/postgresql-common/createcluster.conf
policy_made=false
clusters_saved=
fresh_services=()
restore() {
  if $policy_made; then "${as_root[@]}" rm -f "$policy"; fi
  if [ -n "$clusters_saved" ]; then "${as_root[@]}" cp "$clusters_saved" "$clusters"; fi
  rm -f "$clusters_saved"
}
trap restore EXIT
if [ ! -e "$policy" ]; then
  policy_made=true
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
fi
case " ${wanted[*]} " in
  *" postgresql-1"*)
    [ -n "${installed[postgresql-common]:-}" ] || apt install -y --no-install-recommends postgresql-common >/dev/null || no_network
    clusters_saved=$(mktemp)
    cp "$clusters" "$clusters_saved"
    echo 'create_main_cluster = false' | "${as_root[@]}" tee -a "$clusters" >/dev/null
    [ -n "${installed[postgresql-common]:-}" ] || fresh_services+=(postgresql)
    ;;
esac
case " ${wanted[*]} " in *" redis-server "*) fresh_services+=(redis-server) ;; esac
for name in "${wanted[@]}"; do
  case $name in prometheus | prometheus-*) fresh_services+=("$name") ;; esac
done

apt install -y --no-install-recommends "${wanted[@]}" >/dev/null || no_network
# A service that came in with this installation shall not start at the next boot either.
if command -v systemctl >/dev/null && [ ${#fresh_services[@]} -gt 0 ]; then
  "${as_root[@]}" systemctl disable "${fresh_services[@]}" >/dev/null 2>&1 || true
fi
echo "Installed: ${wanted[*]}" >&2
