#!/bin/sh
# archive_command: PATH NAME keeps a segment as NAME.gz, whole or not at all, and on disk before it says so. `pricing-ctl
# backup` reads the archive and removes what no backup needs. A segment handed over twice, after a crash, is well when it
# is the same and is never replaced by another.
set -eu
archive=${WAL_ARCHIVE:-/var/lib/postgresql/archive}
kept=$archive/$2.gz
if [ -e "$kept" ]; then
  gzip -cd "$kept" | cmp -s - "$1"
  exit
fi
part=$archive/.$2.$$
trap 'rm -f "$part"' EXIT
gzip -1 <"$1" | dd of="$part" bs=1048576 conv=fsync 2>/dev/null
gzip -cd "$part" | cmp -s - "$1"
mv "$part" "$kept"
sync
