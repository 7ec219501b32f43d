#!/usr/bin/env bash
# Signs the pushed images by digest with the workflow's own identity (Sigstore, no key to keep), attaches their bills of
# materials, and checks both as a deployment will.
#
#   scripts/ci/sign-images.sh --identity REGULAR-EXPRESSION [--digests test-results/digests.txt] [--dry-run]
#
# --identity is who may have signed, such as https://github.com/owner/name/\.github/workflows/ci\.yml@.*
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
identity='' digests=$repository/test-results/digests.txt
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) help && exit 0 ;;
    --identity) identity=${2:?--identity needs an expression} && shift ;;
    --digests) digests=${2:?--digests needs a file} && shift ;;
    --dry-run) dry_run=true ;;
    *) wrong_use "unknown option '$1'" ;;
  esac
  shift
done
[ -n "$identity" ] || wrong_use "--identity is missing"
need cosign "sign"
cd "$repository"
[ -s "$digests" ] || die "$digests is missing or empty: run build-images.sh --push before"
while read -r digest; do
  [[ $digest =~ ^[A-Za-z0-9.:/_-]+/(web|ml|worker|backup)@sha256:[0-9a-f]{64}$ ]] || die "not an image by digest: '$digest'"
  image=${BASH_REMATCH[1]}
  outside cosign sign --yes "$digest"
  outside cosign attest --yes --type cyclonedx --predicate "test-results/$image.cdx.json" "$digest"
  outside cosign verify --certificate-oidc-issuer https://token.actions.githubusercontent.com \
    --certificate-identity-regexp "$identity" "$digest"
done <"$digests"
