#!/usr/bin/env bash
# Run in the build stage of the Dockerfiles of this folder, at the root of the sources: compiles, and lays out one root
# folder for each image under /roots. BINARIES, UI and ROOTS name other places, for the tests.
#
#   build.sh packages [PREBUILT]   installs what compiling needs
#   build.sh compile [PREBUILT]    makes /binaries and /ui
#   build.sh roots                 makes /roots/NAME of them
#
# PREBUILT is a folder of the build context with bin/ and ui/ that are used instead of compiling.
set -euo pipefail
step=$1
prebuilt=${2:-}
binaries=${BINARIES:-/binaries} ui=${UI:-/ui} roots=${ROOTS:-/roots}

packages() {
  [ -z "$prebuilt" ] || return 0
  scripts/dev/install-packages.sh build ui
  apt-get install -y -qq --no-install-recommends binutils ca-certificates tzdata
}

compile() {
  mkdir -p "$binaries" "$ui"
  if [ -n "$prebuilt" ]; then
    cp "$prebuilt"/bin/pricing-* "$binaries/"
    cp -r "$prebuilt"/ui/. "$ui/"
    return 0
  fi
  # Paths of this build are not part of what is built, and nothing counts the time.
  local flags="-ffile-prefix-map=$PWD=."
  cmake --preset release -DPRICING_TESTS=OFF "-DCMAKE_CXX_FLAGS=$flags"
  cmake --build --preset release --parallel "$(nproc)" --target pricing-web pricing-ml pricing-worker pricing-beat pricing-ctl
  cp build/release/bin/pricing-{web,ml,worker,beat,ctl} "$binaries/"
  g++ -std=c++20 -O2 -s "$flags" -o "$binaries/pricing-probe" infrastructure/docker/probe.cpp
  scripts/dev/build-ui.sh
  cp -r ui/dist/. "$ui/"
  rm -f "$ui/.built"
}

# place ROOT BINARY FOLDER: a program with the libraries that it loads.
place() {
  local library
  install -D -m 755 -t "$1/$3" "$2"
  if command -v strip >/dev/null; then strip "$1/$3/${2##*/}"; fi
  ldd "$2" | awk '/not found/ { print "missing: " $1 > "/dev/stderr"; bad = 1 } $2 == "=>" { print $3 }
    END { exit bad }' | while read -r library; do
    install -D -m 755 "$library" "$1/lib/x86_64-linux-gnu/${library##*/}"
  done
}

# root NAME BINARY...: a root folder with these programs, the libraries that they load and nothing else.
root() {
  local root=$roots/$1 binary
  shift
  mkdir -p "$root"/{etc/ssl/certs,tmp,usr/local/bin,usr/share/pricing,var/lib/pricing/objects,run,proc,sys,dev,lib64}
  for binary in "$@" pricing-probe; do place "$root" "$binaries/$binary" usr/local/bin; done
  install -m 755 /lib64/ld-linux-x86-64.so.2 "$root/lib64/"
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  mkdir -p "$root/usr/share"
  cp -r /usr/share/zoneinfo "$root/usr/share/"
  rm -rf "$root"/usr/share/zoneinfo/{right,posix,leap*}
  printf 'root:x:0:0::/:/nologin\npricing:x:10001:10001::/:/nologin\n' >"$root/etc/passwd"
  printf 'root:x:0:\npricing:x:10001:\n' >"$root/etc/group"
  printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
  chmod 1777 "$root/tmp"
  if [ "$(id -u)" = 0 ]; then chown -R 10001:10001 "$root/var/lib/pricing"; fi
}

make_roots() {
  root web pricing-web
  cp -r "$ui" "$roots/web/usr/share/pricing/ui"
  root ml pricing-ml
  # Swagger UI of /api/docs, and nothing else of the pages.
  mkdir "$roots/ml/usr/share/pricing/ui"
  cp -r "$ui/api-docs" "$roots/ml/usr/share/pricing/ui/"
  root worker pricing-worker pricing-beat pricing-ctl
  cp -r migrations "$roots/worker/usr/share/pricing/"
  root ctl pricing-ctl
  cp -r migrations "$roots/ctl/usr/share/pricing/"
  # restore_command runs in a shell; PostgreSQL's programs come from the server's own image.
  root backup pricing-ctl
  local tool
  for tool in sh cp cat mv rm sleep tar gzip; do place "$roots/backup" "$(readlink -f "/bin/$tool")" bin; done
  mv "$roots/backup/bin/dash" "$roots/backup/bin/sh"
  printf '#!/bin/sh\nexec gzip -d "$@"\n' >"$roots/backup/bin/gunzip"
  chmod 755 "$roots/backup/bin/gunzip"
  find "$roots" -exec touch -h -d "@${SOURCE_DATE_EPOCH:-0}" {} +
}

case $step in
  packages | compile) "$step" ;;
  roots) make_roots ;;
  *) sed -n '2,10s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
esac
