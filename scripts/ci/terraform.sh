#!/usr/bin/env bash
# Checks infrastructure/terraform: format, validity, tests with mocks. Needs no account and changes nothing.
#
#   scripts/ci/terraform.sh
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
case ${1:-} in
  -h | --help) help && exit 0 ;;
  '') ;;
  *) wrong_use "unknown option '$1'" ;;
esac
need terraform "check its own files"
cd "$repository/infrastructure/terraform"
export TF_IN_AUTOMATION=1 TF_INPUT=0 CHECKPOINT_DISABLE=1
terraform fmt -check -recursive -diff
# A folder of its own, so that a developer's state and workspace are left alone.
TF_DATA_DIR=$(mktemp -d)
export TF_DATA_DIR
trap 'rm -rf "$TF_DATA_DIR"' EXIT
terraform init -backend=false -lockfile=readonly >/dev/null
terraform validate
# A folder apart: Terraform takes modules that are handed a provider for wrong when it validates tests beside them.
terraform init -backend=false -lockfile=readonly -test-directory=tests/modules >/dev/null
terraform test -test-directory=tests/modules
TF_WORKSPACE=staging terraform test -var-file=environments/staging.tfvars \
  -filter=tests/staging.tftest.hcl -filter=tests/refusals.tftest.hcl
terraform test -var-file=environments/production.tfvars -filter=tests/production.tftest.hcl
