#!/usr/bin/env bash
# Scans with Trivy for known vulnerabilities, secrets and misconfigurations; SARIF files go to test-results/.
#
#   scripts/ci/security-scan.sh sources [--dry-run]
#   scripts/ci/security-scan.sh images --tag TAG [--registry ADDRESS] [--dry-run]
#
# Exit status: 0 nothing of severity HIGH or CRITICAL that has a fix, 1 something, 2 wrong use.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
what='' tag='' registry=localhost/pricing-agent
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) help && exit 0 ;;
    sources | images) what=$1 ;;
    --tag) tag=${2:?--tag needs a name} && shift ;;
    --registry) registry=${2:?--registry needs an address} && shift ;;
    --dry-run) dry_run=true ;;
    *) wrong_use "unknown option '$1'" ;;
  esac
  shift
done
[ -n "$what" ] || wrong_use "say sources or images"
[ "$what" = sources ] || checked_tag "$tag"
need trivy "scan"
cd "$repository"
mkdir -p test-results

# scan NAME KIND TARGET [OPTION...]: a report in full, then the verdict.
scan() {
  local name=$1 kind=$2 target=$3
  shift 3
  outside trivy "$kind" --quiet --format sarif --output "test-results/trivy-$name.sarif" "$@" "$target"
  outside trivy "$kind" --quiet --severity HIGH,CRITICAL --ignore-unfixed --exit-code 1 "$@" "$target"
}

status=0
if [ "$what" = sources ]; then
  scan sources filesystem . --scanners vuln,secret,misconfig --skip-dirs build --skip-dirs node_modules || status=1
else
  for image in web ml worker backup; do
    scan "$image" image "$registry/$image:$tag" --scanners vuln,secret || status=1
  done
fi
exit $status
