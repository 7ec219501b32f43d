#!/usr/bin/env bash
# Points kubectl at an environment's cluster and calls scripts/deploy.sh.
#
#   scripts/ci/deploy.sh --environment staging|production --tag TAG [--dry-run]
#   scripts/ci/deploy.sh --environment staging|production --rollback [--dry-run]
#
# scripts/deploy.sh goes blue-green and rolls back by itself what it has switched; --rollback here is for what is found
# after it ended well. AWS_REGION and the role come from the step before.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
environment='' tag='' rollback=false
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) help && exit 0 ;;
    --environment) environment=${2:?--environment needs a name} && shift ;;
    --tag) tag=${2:?--tag needs a name} && shift ;;
    --rollback) rollback=true ;;
    --dry-run) dry_run=true ;;
    *) wrong_use "unknown option '$1'" ;;
  esac
  shift
done
checked_environment "$environment"
if $rollback; then
  [ -z "$tag" ] || wrong_use "--rollback goes back to what was there before; it takes no --tag"
  arguments=(-e "$environment" --rollback)
else
  checked_tag "$tag"
  arguments=(-e "$environment" -t "$tag")
fi
cluster=pricing-agent
[ "$environment" = production ] || cluster=pricing-agent-$environment
need aws "reach the cluster"
cd "$repository"
outside aws eks update-kubeconfig --name "$cluster"
outside scripts/deploy.sh "${arguments[@]}"
