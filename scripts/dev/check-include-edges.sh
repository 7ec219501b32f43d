#!/usr/bin/env bash
# Rejects an #include "folder/..." in src/<a>/ that the link edges of src/<a>/CMakeLists.txt do not allow, directly or
# through another folder. The processes in apps/ may include every folder; nothing may include apps/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# edges: "folder other" for each pricing_other named in LINKS or PRIVATE of the folder's pricing_library call.
edges=$(for file in src/*/CMakeLists.txt; do
  folder=$(basename "$(dirname "$file")")
  sed 's/#.*//' "$file" | grep -oE 'pricing_[a-z_]+' | grep -vxE 'pricing_(library|boost)' | sed "s/^pricing_/$folder /"
done)
includes=$(grep -rnoE --include='*.hpp' --include='*.cpp' '^#include "[a-z_]+/' src | sed -E 's/"(.*)\//\1/')

awk '
  FNR == NR { if (NF == 2) edge[$1, $2] = known[$1] = known[$2] = 1; next }
  !closed {
    closed = 1
    for (k in known) for (i in known) for (j in known)
      if ((i, k) in edge && (k, j) in edge) edge[i, j] = 1
  }
  {
    split($1, place, ":"); split(place[1], path, "/")
    from = path[2]; to = $2
    if (from != to && !((from, to) in edge)) {
      printf "%s:%s: src/%s may not include \"%s/…\": no link edge in src/%s/CMakeLists.txt\n", \
        place[1], place[2], from, to, from
      bad = 1
    }
  }
  END { exit bad }' <(printf '%s\n' "$edges") <(printf '%s\n' "$includes")
