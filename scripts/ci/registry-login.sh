#!/usr/bin/env bash
# Logs in to the image registry (Amazon ECR) with the role that the workflow has taken; the password lives for hours.
#
#   scripts/ci/registry-login.sh --registry ACCOUNT.dkr.ecr.REGION.amazonaws.com/pricing-agent [--dry-run]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
registry=''
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) help && exit 0 ;;
    --registry) registry=${2:?--registry needs an address} && shift ;;
    --dry-run) dry_run=true ;;
    *) wrong_use "unknown option '$1'" ;;
  esac
  shift
done
[[ $registry =~ ^[0-9]{12}\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/ ]] || wrong_use "'$registry' is not an ECR registry"
region=${BASH_REMATCH[1]}
host=${registry%%/*}
need aws "ask for the registry's password"
need docker "log in"
if [ "$dry_run" = true ]; then
  say "would run: aws ecr get-login-password --region $region | docker login --username AWS --password-stdin $host"
  exit 0
fi
aws ecr get-login-password --region "$region" | docker login --username AWS --password-stdin "$host"
