#!/bin/sh
# Run in an image of PostgreSQL, Debian's or Alpine's: lays out below ROOT what a backup and its verification run, which is
# the server and the tools that copy it, with their libraries and extensions.
#
#   server-root.sh ROOT
set -eu
root=$1
mkdir -p "$root"

keep() { # FILE: with what it is linked to, under the same path
  [ ! -e "$root$1" ] || return 0
  mkdir -p "$root$(dirname "$1")"
  cp -L "$1" "$root$1"
  for library in $(ldd "$1" 2>/dev/null | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p'); do
    keep "$library"
  done
}

config=$(find /usr/lib/postgresql/*/bin -name pg_config 2>/dev/null | sort | tail -n 1)
config=${config:-$(command -v pg_config)}
for program in postgres pg_basebackup pg_receivewal; do keep "$("$config" --bindir)/$program"; done
for library in "$("$config" --pkglibdir)"/*.so; do
  # The compiler for long queries weighs more than everything else; the scratch server runs without it.
  case $library in *llvmjit*) ;; *) keep "$library" ;; esac
done
share=$("$config" --sharedir)
mkdir -p "$root$share"
for part in timezone timezonesets tsearch_data postgresql.conf.sample; do
  [ ! -e "$share/$part" ] || cp -RL "$share/$part" "$root$share/"
done
# Debian's C library reads the locale of the databases, C.UTF-8, from here; Alpine's has it in itself.
if [ -d /usr/lib/locale ]; then
  mkdir -p "$root/usr/lib"
  cp -R /usr/lib/locale "$root/usr/lib/"
fi
find "$root" -exec touch -h -d "@${SOURCE_DATE_EPOCH:-0}" {} +
