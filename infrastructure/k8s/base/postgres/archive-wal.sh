#!/bin/sh
# archive_command: PATH NAME. Says done only when the segment is on disk under its own name. A segment that is there
# already is fine when it is the same (the server asks again after a crash), and never written over when it is not.
set -eu
archive=${WAL_ARCHIVE:-/var/lib/postgresql/archive}
if [ -e "$archive/$2" ]; then
  exec cmp -s "$1" "$archive/$2"
fi
dd if="$1" of="$archive/$2.part" bs=1048576 conv=fsync 2>/dev/null
mv "$archive/$2.part" "$archive/$2"
sync
