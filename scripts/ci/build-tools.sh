#!/usr/bin/env bash
# Builds pricing-ctl, which scripts/health_monitor and scripts/deploy.sh call, in Debian, and lays it with its libraries
# in build/tools, from where it runs on any Linux of the same processor. Names it to the steps that follow.
#
#   scripts/ci/build-tools.sh [--unless-built] [--dry-run]
#
#   --unless-built   build/tools/pricing-ctl is taken as it is, when it is there and runs
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
unless_built=false
arguments=("$@")
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) help && exit 0 ;;
    --unless-built) unless_built=true ;;
    --dry-run) dry_run=true ;;
    *) wrong_use "unknown option '$1'" ;;
  esac
  shift
done
cd "$repository"
folder=build/tools
# Told before: what comes after in_debian runs in the container.
[ -z "${GITHUB_ENV:-}" ] || echo "PRICING_CTL=$repository/$folder/pricing-ctl" >>"$GITHUB_ENV"
if $unless_built && [ -x $folder/pricing-ctl ] && $folder/pricing-ctl --help >/dev/null 2>&1; then
  say "$folder/pricing-ctl is built"
  exit 0
fi
[ "$dry_run" = true ] || in_debian "$0" "${arguments[@]}"
outside scripts/dev/install-packages.sh build run
outside cmake --preset release
outside ninja -C build/release pricing-ctl
[ "$dry_run" != true ] || exit 0
rm -rf $folder
mkdir -p $folder/lib
cp build/release/bin/pricing-ctl $folder/lib/
ldd build/release/bin/pricing-ctl | awk '$3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 }' | xargs -I{} cp -L {} $folder/lib/
loader=$(basename "$(ldd build/release/bin/pricing-ctl | awk '$1 ~ /^\/.*ld-linux/ { print $1 }')")
cat >$folder/pricing-ctl <<WRAPPER
#!/bin/sh
here=\$(dirname "\$(readlink -f "\$0")")
exec "\$here/lib/$loader" --library-path "\$here/lib" "\$here/lib/pricing-ctl" "\$@"
WRAPPER
chmod +x $folder/pricing-ctl
$folder/pricing-ctl --help >/dev/null
say "pricing-ctl is in $folder"
