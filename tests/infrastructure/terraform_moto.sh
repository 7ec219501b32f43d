#!/usr/bin/env bash
# Applies infrastructure/terraform to a local moto_server: bootstrap, apply with the state in S3 and its lock file, a
# second plan that must be empty, and destroy. Nothing leaves this machine.
#
#   tests/infrastructure/terraform_moto.sh [--list]
#
#   --list   print what moto does not model and why, and what it does not give back; do nothing
# It takes staging's values with copies, registry, workflow roles and load balancer on, so that every resource but those
# of the list is made. Needs terraform, its AWS provider (see cases_terraform.py) and moto_server with boto3.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
infrastructure=$(cd "$here/../../infrastructure/terraform" && pwd)

# module | resource | argument that empties it | why it is left out
unmodelled='
bootstrap|aws_s3_bucket_policy.state|count|moto looks at no conditions of a policy: refusing plain text would refuse everybody
cache|aws_elasticache_parameter_group.this|for_each|moto has no parameter groups of ElastiCache
cache|aws_elasticache_replication_group.this|for_each|moto keeps no encryption and log settings of replication groups
cluster|aws_eks_addon.before_nodes|for_each|moto has no add-ons
cluster|aws_eks_addon.after_nodes|for_each|moto has no add-ons
cluster|aws_eks_pod_identity_association.this|for_each|moto has no pod identity
cluster|aws_eks_access_entry.admin|for_each|moto has no access entries
cluster|aws_eks_access_policy_association.admin|for_each|moto has no access entries
delivery|aws_eks_access_entry.github|for_each|moto has no access entries
delivery|aws_eks_access_policy_association.github|for_each|moto has no access entries
database|aws_db_instance_automated_backups_replication.this|count|moto copies no automated backups
edge|aws_autoscaling_attachment.ingress|count|moto names the scaling group of nodes and does not make it
recovery|aws_backup_selection.tagged|count|moto has no selections
recovery|aws_backup_vault_notifications.this|count|moto has no notifications of vaults
'
# module | resource | attributes that moto takes and does not give back, so that a second plan would set them again
unread='
cache|aws_vpc_security_group_ingress_rule.cluster|description
cluster|aws_eks_cluster.this|access_config
cluster|aws_eks_node_group.this|scaling_config[0].desired_size, remote_access, update_config
cluster|aws_launch_template.node|tag_specifications
database|aws_db_instance.this|monitoring_interval, monitoring_role_arn, performance_insights_enabled, performance_insights_kms_key_id, performance_insights_retention_period
database|aws_db_parameter_group.this|parameter
database|aws_vpc_security_group_ingress_rule.cluster|description
edge|aws_vpc_security_group_egress_rule.cluster|description
edge|aws_vpc_security_group_ingress_rule.cluster|description
recovery|aws_backup_plan.this|tags_all
recovery|aws_backup_vault.this|tags_all
recovery|aws_backup_vault.replica|tags_all
storage|aws_s3_bucket_replication_configuration.this|rule
'
case ${1:-} in
  --list)
    awk -F'|' 'NF { printf "%s.%s: %s\n", $1, $2, $4 }' <<<"$unmodelled"
    awk -F'|' 'NF { printf "%s.%s: not read back: %s\n", $1, $2, $3 }' <<<"$unread"
    exit 0
    ;;
  -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" && exit 0 ;;
  '') ;;
  *) echo "terraform_moto.sh: unknown option '$1' (see --help)" >&2 && exit 2 ;;
esac
for command in terraform moto_server python3; do
  command -v "$command" >/dev/null || { echo "terraform_moto.sh: $command is not on PATH" >&2 && exit 3; }
done

work=$(mktemp -d)
moto=
end() {
  local status=$?
  [ -z "$moto" ] || kill "$moto" 2>/dev/null || true
  if [ $status -eq 0 ]; then rm -rf "$work"; else echo "logs are in $work" >&2; fi
}
trap end EXIT

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
MOTO_IAM_LOAD_MANAGED_POLICIES=true moto_server -H 127.0.0.1 -p "$port" >"$work/moto.log" 2>&1 &
moto=$!
for _ in $(seq 120); do
  ! python3 -c "import socket; socket.create_connection(('127.0.0.1', $port), 1)" 2>/dev/null || break
  kill -0 "$moto" 2>/dev/null || { tail "$work/moto.log" >&2 && exit 1; }
  sleep 0.5
done

export AWS_ENDPOINT_URL=http://127.0.0.1:$port AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=eu-central-1
export AWS_DEFAULT_REGION=$AWS_REGION
export AWS_EC2_METADATA_DISABLED=true TF_IN_AUTOMATION=1 TF_INPUT=0 CHECKPOINT_DISABLE=1
unset AWS_PROFILE AWS_SESSION_TOKEN AWS_CA_BUNDLE

cp -r "$infrastructure" "$work/terraform"
cd "$work/terraform"
rm -rf tests .terraform bootstrap/.terraform bootstrap/*.tfstate*
# A local address has no subdomains, and an operation that moto lacks is not worth asking for again.
for folder in . bootstrap; do
  printf 'provider "aws" {\n  s3_use_path_style = true\n  max_retries = 1\n}\n' >"$folder/moto_override.tf"
done
while IFS='|' read -r module resource argument _; do
  [ -n "$module" ] || continue
  case $argument in count) value=0 ;; *) value='{}' ;; esac
  printf 'resource "%s" "%s" {\n  %s = %s\n}\n' "${resource%.*}" "${resource#*.}" "$argument" "$value" \
    >>"$([ "$module" = bootstrap ] || echo modules/)$module/moto_override.tf"
done <<<"$unmodelled"
while IFS='|' read -r module resource attributes; do
  [ -n "$module" ] || continue
  printf 'resource "%s" "%s" {\n  lifecycle {\n    ignore_changes = [%s]\n  }\n}\n' "${resource%.*}" "${resource#*.}" \
    "$attributes" >>"modules/$module/moto_override.tf"
done <<<"$unread"

# moto's clusters come without the security group that EKS makes for its nodes.
printf 'resource "aws_security_group" "moto" {\n  name = "moto-nodes"\n}\n' >modules/cluster/moto.tf
printf 'output "security_group_id" {\n  value = aws_security_group.moto.id\n}\n' >>modules/cluster/moto_override.tf
# Nor can it list the recovery points that force_destroy would delete.
printf 'resource "aws_backup_vault" "%s" {\n  force_destroy = false\n}\n' this replica >>modules/recovery/moto_override.tf

failed=0
step() { # NAME COMMAND...
  local name=$1 start=$SECONDS
  shift
  if "$@" >"$work/$name.log" 2>&1; then
    echo "ok      $name ($((SECONDS - start)) s): $(grep -E '^(Apply|Destroy) complete|^No changes|initialized' "$work/$name.log" | tail -n 1)"
  else
    echo "FAILED  $name ($((SECONDS - start)) s)"
    grep -E -A 12 '^Error|will be (updated|destroyed|replaced)|must be replaced' "$work/$name.log" | head -n 120
    failed=1
    return 1
  fi
}

step bootstrap-init terraform -chdir=bootstrap init -no-color -lockfile=readonly
step bootstrap-apply terraform -chdir=bootstrap apply -no-color -auto-approve
certificate=$(python3 - <<'PYTHON'
import boto3
print(boto3.client("acm").request_certificate(DomainName="pricing.example")["CertificateArn"])
PYTHON
)
values=(-var-file=environments/staging.tfvars -var cross_region_copies=true -var image_registry=true
  -var 'image_reader_accounts=["210987654321"]' -var github_repository=owner/pricing-agent
  -var 'alarm_emails=["ops@pricing.example"]' -var "certificate_arn=$certificate"
  -var 'interface_endpoints=["sts","logs"]')

step init terraform init -no-color -lockfile=readonly -backend-config=use_path_style=true \
  -backend-config=skip_credentials_validation=true -backend-config=skip_requesting_account_id=true
step workspace terraform workspace select -no-color -or-create staging
step apply terraform apply -no-color -auto-approve -parallelism=20 "${values[@]}"
step second-plan terraform plan -no-color -detailed-exitcode "${values[@]}" || true
# Whoever finds the lock taken is refused: the lock file does its work.
python3 - <<'PYTHON'
import boto3
boto3.client("s3").put_object(Bucket="pricing-agent-terraform-state", Key="env:/staging/pricing-agent/terraform.tfstate.tflock",
                              Body=b'{"ID":"another","Operation":"test","Who":"another"}')
PYTHON
if terraform plan -no-color "${values[@]}" >"$work/locked.log" 2>&1; then
  echo "FAILED  a locked state was not refused" && exit 1
fi
grep -q 'state lock' "$work/locked.log" || { tail "$work/locked.log" && exit 1; }
echo "ok      a locked state is refused"
python3 - <<'PYTHON'
import boto3
boto3.client("s3").delete_object(Bucket="pricing-agent-terraform-state", Key="env:/staging/pricing-agent/terraform.tfstate.tflock")
PYTHON
# moto cannot delete it; everything else is destroyed by Terraform.
step forget-subnet-group terraform state rm module.cache.aws_elasticache_subnet_group.this
step destroy terraform destroy -no-color -auto-approve -parallelism=20 "${values[@]}"
left=$(terraform state list | wc -l)
[ "$left" -eq 0 ] || { echo "FAILED  destroy left $left resources" && exit 1; }
[ $failed -eq 0 ] || exit 1
echo "not modelled by moto, so not tried here: $(awk -F'|' 'NF' <<<"$unmodelled" | wc -l) resources; $(awk -F'|' 'NF' <<<"$unread" | wc -l) give not all back (--list names both)"
