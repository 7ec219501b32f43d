#!/bin/sh
# PostgreSQL's archive_command: archive-wal ARCHIVE PATH NAME keeps a finished segment as ARCHIVE/NAME.gz, whole or not at
# all: written beside, synchronised, renamed. A failure is reported, and PostgreSQL tries again.
#
# The archive stays bounded. Nothing is kept until a backup has begun (pricing-ctl backup leaves the mark "keep-from"):
# without a base no log is of use. Above ARCHIVE_WAL_BYTES_MAX (4 GB) nothing is added until a backup or a cleanup has
# removed what is no longer needed: then the newest moments cannot be restored, but every older one still can.
set -eu
archive=$1 path=$2 name=$3
[ -e "$archive/keep-from" ] || exit 0
used=$(du -sk "$archive" | cut -f 1)
if [ "$used" -gt $((${ARCHIVE_WAL_BYTES_MAX:-4294967296} / 1024)) ]; then
  echo "the WAL archive $archive is full ($used kB): $name is not kept. Make a backup, then run the cleanup." >&2
  exit 0
fi
kept=$archive/$name.gz
if [ -e "$kept" ]; then
  # Handed over twice, after a crash: the same again is well, anything else must not replace it.
  gzip -cd "$kept" | cmp -s - "$path" && exit 0
  echo "$kept is there with other content" >&2
  exit 1
fi
part=$archive/.$name.$$
trap 'rm -f "$part"' EXIT
gzip -1 <"$path" >"$part"
sync "$part"
mv "$part" "$kept"
sync "$archive"
