#!/usr/bin/env bash
# Writes a bill of materials (CycloneDX and SPDX) of each image to test-results/.
#
#   scripts/ci/sbom.sh --tag TAG [--registry ADDRESS] [--dry-run]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
tag='' registry=localhost/pricing-agent
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) help && exit 0 ;;
    --tag) tag=${2:?--tag needs a name} && shift ;;
    --registry) registry=${2:?--registry needs an address} && shift ;;
    --dry-run) dry_run=true ;;
    *) wrong_use "unknown option '$1'" ;;
  esac
  shift
done
checked_tag "$tag"
need trivy "list what is in an image"
cd "$repository"
mkdir -p test-results
for image in web ml worker backup; do
  outside trivy image --quiet --format cyclonedx --output "test-results/$image.cdx.json" "$registry/$image:$tag"
  outside trivy image --quiet --format spdx-json --output "test-results/$image.spdx.json" "$registry/$image:$tag"
done
