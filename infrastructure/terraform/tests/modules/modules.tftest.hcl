# Each module by itself: what must hold whatever the environment.
mock_provider "aws" { source = "./tests/mocks" }
mock_provider "aws" {
  alias  = "replica"
  source = "./tests/mocks"
}

variables {
  name                     = "test"
  vpc_id                   = "vpc-0"
  subnet_ids               = ["subnet-0", "subnet-1"]
  client_security_group_id = "sg-0"
  key_arn                  = "arn:aws:kms:eu-central-1:123456789012:key/0"
  replica_key_arn          = "arn:aws:kms:eu-central-1:123456789012:key/0"
  log_key_arn              = "arn:aws:kms:eu-central-1:123456789012:key/0"
  log_retention_days       = 30
  cross_region_copies      = true
  deletion_protection      = true
}

run "network" {
  command = plan
  module { source = "./modules/network" }
  variables {
    cidr                = "10.20.0.0/16"
    zone_count          = 3
    nat_per_zone        = true
    interface_endpoints = ["sts"]
  }
  assert {
    condition     = length(aws_nat_gateway.this) == 3 && length(aws_route.nat) == 3
    error_message = "A NAT gateway in each zone, and each zone's route to one."
  }
  assert {
    condition = length(distinct(concat(
    [for s in aws_subnet.public : s.cidr_block], [for s in aws_subnet.private : s.cidr_block], [for s in aws_subnet.database : s.cidr_block]))) == 9
    error_message = "Nine subnets, none of them twice."
  }
  assert {
    condition     = alltrue([for s in aws_subnet.private : tonumber(split("/", s.cidr_block)[1]) <= 20])
    error_message = "Private subnets hold 4096 addresses or more: each pod takes one."
  }
}

run "network_with_one_nat_gateway" {
  command = plan
  module { source = "./modules/network" }
  variables {
    cidr                = "10.20.0.0/16"
    zone_count          = 2
    nat_per_zone        = false
    interface_endpoints = []
  }
  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_route.nat) == 2 && length(aws_security_group.endpoints) == 0
    error_message = "One NAT gateway serves every zone, and nothing is made for endpoints that are not there."
  }
}

run "keys" {
  command = plan
  module { source = "./modules/keys" }
  assert {
    condition     = alltrue([for key in concat(values(aws_kms_key.this), aws_kms_key.replica) : key.enable_key_rotation && key.deletion_window_in_days == 30])
    error_message = "Keys rotate, and their deletion waits."
  }
  assert {
    condition     = length(aws_kms_key.this) == 4 && length(aws_kms_key.replica) == 1
    error_message = "A key for each purpose, and one for the copies."
  }
}

run "cluster" {
  command = plan
  module { source = "./modules/cluster" }
  variables {
    kubernetes_version = "1.33"
    public_cidrs       = []
    admin_arns         = ["arn:aws:iam::123456789012:role/admin"]
    general_nodes      = { instance_types = ["m6i.xlarge"], min = 3, max = 20, disk_gib = 80 }
    spot_nodes         = { instance_types = ["m6i.xlarge", "m5.xlarge"], max = 20, disk_gib = 80 }
    gpu_nodes          = { instance_types = ["g5.xlarge"], max = 5, disk_gib = 200 }
    secrets_key_arn    = "arn:aws:kms:eu-central-1:123456789012:key/0"
    pod_roles = {
      web = { namespace = "test", service_account = "pricing-web", policy = "{}" }
      csi = { namespace = "kube-system", service_account = "csi", managed_policy = "service-role/AmazonEBSCSIDriverPolicy" }
    }
  }
  assert {
    condition     = aws_eks_node_group.this["general"].scaling_config[0].min_size == 3 && aws_eks_node_group.this["general"].scaling_config[0].max_size == 20
    error_message = "General nodes scale from 3 to 20."
  }
  assert {
    condition     = aws_eks_node_group.this["spot"].capacity_type == "SPOT" && one(aws_eks_node_group.this["spot"].taint).key == "pricing-agent/spot"
    error_message = "Spot nodes are spot instances and take only what tolerates them."
  }
  assert {
    condition     = one(aws_eks_node_group.this["gpu"].taint).key == "nvidia.com/gpu" && one(aws_eks_node_group.this["gpu"].taint).effect == "NO_SCHEDULE"
    error_message = "GPU nodes are tainted."
  }
  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].endpoint_private_access && !aws_eks_cluster.this.vpc_config[0].endpoint_public_access
    error_message = "Without networks that may reach it the API is private."
  }
  assert {
    condition     = alltrue([for t in aws_launch_template.node : t.metadata_options[0].http_tokens == "required" && t.metadata_options[0].http_put_response_hop_limit == 1])
    error_message = "Pods cannot reach the node's credentials."
  }
  assert {
    condition     = alltrue([for t in aws_launch_template.node : t.block_device_mappings[0].ebs[0].encrypted == "true"])
    error_message = "Disks of nodes are encrypted."
  }
  assert {
    condition     = length(aws_iam_role.pod) == 2 && length(aws_iam_role_policy.pod) == 1 && length(aws_iam_role_policy_attachment.pod) == 1
    error_message = "A role for each service account, with its own policy, the managed one, or both."
  }
}

run "database" {
  command = plan
  module { source = "./modules/database" }
  variables {
    database = { instance_class = "db.r6g.xlarge", storage_gib = 400, storage_max_gib = 2000, multi_az = true, backup_days = 30 }
  }
  assert {
    condition     = contains([for p in aws_db_parameter_group.this.parameter : "${p.name}=${p.value}"], "rds.force_ssl=1")
    error_message = "Connections without TLS are refused."
  }
  assert {
    condition     = aws_db_instance.this.multi_az && aws_db_instance.this.storage_encrypted && !aws_db_instance.this.publicly_accessible && aws_db_instance.this.backup_retention_period == 30
    error_message = "Two zones, encrypted, private, 30 days of backups."
  }
  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.password == null
    error_message = "The password is RDS's, not Terraform's."
  }
  assert {
    condition     = aws_db_instance.this.deletion_protection && !aws_db_instance.this.skip_final_snapshot && !aws_db_instance.this.delete_automated_backups
    error_message = "A protected database leaves a snapshot and its backups behind."
  }
  assert {
    condition     = length(aws_db_instance_automated_backups_replication.this) == 1
    error_message = "Backups are copied to the other region."
  }
}

run "cache" {
  command = plan
  module { source = "./modules/cache" }
  variables {
    cache = { node_type = "cache.r7g.large", replicas = 2 }
  }
  assert {
    condition     = alltrue([for g in aws_elasticache_replication_group.this : g.transit_encryption_enabled && g.transit_encryption_mode == "required" && g.at_rest_encryption_enabled == "true" && g.multi_az_enabled && g.automatic_failover_enabled])
    error_message = "TLS, encryption, several zones and failover for both groups."
  }
  assert {
    condition     = one(aws_elasticache_parameter_group.this["broker"].parameter).value == "noeviction" && one(aws_elasticache_parameter_group.this["cache"].parameter).value == "allkeys-lru"
    error_message = "The broker never evicts, the cache may."
  }
  assert {
    condition     = output.node_ids["broker-3"] == "test-broker-003" && length(output.node_ids) == 6
    error_message = "Every node is known by its name."
  }
}

run "storage" {
  command = plan
  module { source = "./modules/storage" }
  assert {
    condition = alltrue([for b in concat(values(aws_s3_bucket_public_access_block.this), values(aws_s3_bucket_public_access_block.replica), [aws_s3_bucket_public_access_block.logs]) :
    b.block_public_acls && b.block_public_policy && b.ignore_public_acls && b.restrict_public_buckets])
    error_message = "No bucket can be made public."
  }
  assert {
    condition     = alltrue([for v in concat(values(aws_s3_bucket_versioning.this), values(aws_s3_bucket_versioning.replica)) : v.versioning_configuration[0].status == "Enabled"])
    error_message = "Every bucket is versioned."
  }
  assert {
    condition     = alltrue([for e in aws_s3_bucket_server_side_encryption_configuration.this : one(one(e.rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms"])
    error_message = "Data is encrypted with a key of ours."
  }
  assert {
    condition     = alltrue([for r in aws_s3_bucket_replication_configuration.this : r.rule[0].delete_marker_replication[0].status == "Disabled"])
    error_message = "Deletions do not reach the copies."
  }
  assert {
    condition     = length([for r in aws_s3_bucket_lifecycle_configuration.this["backups"].rule : r if length(r.expiration) > 0]) == 0
    error_message = "No life cycle deletes a current backup."
  }
  assert {
    condition     = alltrue([for b in aws_s3_bucket.this : b.force_destroy == false])
    error_message = "A protected bucket is not deleted with its objects."
  }
}

run "edge_without_certificate" {
  command = plan
  module { source = "./modules/edge" }
  variables {
    requests_per_5_minutes    = 1000
    certificate_arn           = ""
    ingress_node_port         = 30443
    public_subnet_ids         = ["subnet-0", "subnet-1"]
    cluster_security_group_id = "sg-0"
    autoscaling_group         = "nodes"
    logs_bucket               = "logs"
  }
  assert {
    condition     = length(aws_lb.this) == 0 && length(aws_wafv2_web_acl.this.rule) == 5
    error_message = "Without a certificate there are the rules, but no door."
  }
  assert {
    condition     = length(aws_wafv2_web_acl_logging_configuration.this.redacted_fields) == 2
    error_message = "Credentials do not reach the WAF's logs."
  }
}

run "edge" {
  command = plan
  module { source = "./modules/edge" }
  variables {
    requests_per_5_minutes    = 1000
    certificate_arn           = "arn:aws:acm:eu-central-1:123456789012:certificate/0"
    ingress_node_port         = 30443
    public_subnet_ids         = ["subnet-0", "subnet-1"]
    cluster_security_group_id = "sg-0"
    autoscaling_group         = "nodes"
    logs_bucket               = "logs"
  }
  assert {
    condition     = length(aws_wafv2_web_acl_association.balancer) == 1 && aws_lb_listener.http[0].default_action[0].type == "redirect"
    error_message = "The WAF stands before the load balancer, and plain HTTP is sent to HTTPS."
  }
  assert {
    condition     = startswith(aws_lb_listener.https[0].ssl_policy, "ELBSecurityPolicy-TLS13-1-2")
    error_message = "TLS 1.2 or 1.3."
  }
}

run "recovery" {
  command = plan
  module { source = "./modules/recovery" }
  variables {
    topic_arn = "arn:aws:sns:eu-central-1:123456789012:alarms"
  }
  assert {
    condition     = length(aws_backup_vault_lock_configuration.this) == 1 && length(aws_backup_vault.replica) == 1
    error_message = "The vault is locked and has a copy in the other region."
  }
  assert {
    condition     = alltrue([for r in aws_backup_plan.this.rule : length(r.copy_action) == 1 && one(r.lifecycle).delete_after >= 30])
    error_message = "Every rule copies, and keeps 30 days or more."
  }
}
