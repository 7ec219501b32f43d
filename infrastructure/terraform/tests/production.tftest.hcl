# Run with environments/production.tfvars, default workspace.
mock_provider "aws" { source = "./tests/mocks" }
mock_provider "aws" {
  alias  = "replica"
  source = "./tests/mocks"
}

run "production" {
  command = apply
  variables {
    certificate_arn   = "arn:aws:acm:eu-central-1:123456789012:certificate/0"
    github_repository = "owner/pricing-agent"
    alarm_emails      = ["ops@pricing.example"]
  }
  assert {
    condition     = output.name == null ? false : toset(output.node_groups) == toset(["general", "gpu", "spot"])
    error_message = "Production has general, spot and GPU nodes."
  }
  assert {
    condition     = output.database != null && toset(keys(output.redis.addresses)) == toset(["broker", "cache"])
    error_message = "Production has RDS, a broker and a cache."
  }
  assert {
    condition     = toset(keys(output.copies.buckets)) == toset(["models", "uploads", "backups"]) && output.copies.vault_arn != null
    error_message = "Production copies models, uploads, backups and recovery points to the other region."
  }
  assert {
    condition     = toset(keys(output.image_repositories)) == toset(["web", "ml", "worker"]) && toset(keys(output.delivery_role_arns)) == toset(["build", "deploy", "observe"])
    error_message = "Production holds the image repositories and the workflows' three roles."
  }
  assert {
    condition     = output.balancer_dns_name != null
    error_message = "With a certificate there is a load balancer."
  }
  assert {
    condition = alltrue([for alarm in [
      "service-errors", "cluster-failed-nodes", "backup-failed", "waf-blocked", "database-storage", "redis-broker-3-memory",
      "redis-cache-1-cpu", "nat-3-ports", "balancer-no-target",
    ] : contains(output.alarms, "pricing-agent-${alarm}")])
    error_message = "Services, cluster, backups, WAF, database, Redis, NAT gateways and load balancer have alarms."
  }
}

run "refusals_1" {
  command = plan
  variables {
    zone_count          = 2
    nat_per_zone        = false
    database            = { instance_class = "db.r6g.xlarge", storage_gib = 400, storage_max_gib = 2000, multi_az = false, backup_days = 30 }
    cache               = { node_type = "cache.r7g.large", replicas = 0 }
    cross_region_copies = false
    deletion_protection = false
    log_retention_days  = 14
  }
  expect_failures = [
    var.zone_count, var.nat_per_zone, var.database, var.cache, var.cross_region_copies, var.deletion_protection,
    var.log_retention_days,
  ]
}

run "refuses_backups_of_a_week" {
  command = plan
  variables {
    database = { instance_class = "db.r6g.xlarge", storage_gib = 400, storage_max_gib = 2000, multi_az = true, backup_days = 7 }
  }
  expect_failures = [var.database]
}

run "refuses_staging_on_the_state_of_production" {
  command = plan
  variables {
    environment = "staging"
  }
  expect_failures = [terraform_data.workspace]
}
