# Each value here is refused before anything is planned; a run holds one wrong value of each variable. Run with environments/staging.tfvars, workspace staging.
mock_provider "aws" { source = "./tests/mocks" }
mock_provider "aws" {
  alias  = "replica"
  source = "./tests/mocks"
}

run "refusals_1" {
  command = plan
  variables {
    # copies in the same region
    replica_region = "eu-central-1"
    # a public range
    vpc_cidr = "8.8.0.0/16"
    # a single zone
    zone_count = 1
    # a patch level of kubernetes
    kubernetes_version = "1.33.2"
    # a cluster open to the internet
    cluster_public_cidrs = ["0.0.0.0/0"]
    # an administrator without an arn
    cluster_admin_arns = ["alice"]
    # fewer than 3 nodes
    general_nodes = { instance_types = ["t3.large"], min = 2, max = 5, disk_gib = 40 }
    # one type of spot node
    spot_nodes = { instance_types = ["t3.large"], max = 5, disk_gib = 40 }
    # gpu nodes without a gpu
    gpu_nodes = { instance_types = ["m5.large"], max = 1, disk_gib = 100 }
    # an unknown database mode
    database_mode = "aurora"
    # storage that cannot grow
    database = { instance_class = "db.t4g.medium", storage_gib = 50, storage_max_gib = 50, multi_az = false, backup_days = 7 }
    # too many replicas
    cache = { node_type = "cache.t4g.micro", replicas = 6 }
    # a certificate without an arn
    certificate_arn = "pricing.example"
    # a rate below what the waf counts
    waf_requests_per_5_minutes = 10
    # a reader that is no account
    image_reader_accounts = ["*"]
    # every repository of an owner
    github_repository = "owner/*"
    # a retention that cloudwatch has not
    log_retention_days = 8
    # an address without a host
    alarm_emails = ["ops"]
  }
  expect_failures = [
    var.replica_region,
    var.vpc_cidr,
    var.zone_count,
    var.kubernetes_version,
    var.cluster_public_cidrs,
    var.cluster_admin_arns,
    var.general_nodes,
    var.spot_nodes,
    var.gpu_nodes,
    var.database_mode,
    var.database,
    var.cache,
    var.certificate_arn,
    var.waf_requests_per_5_minutes,
    var.image_reader_accounts,
    var.github_repository,
    var.log_retention_days,
    var.alarm_emails,
  ]
}

run "refusals_2" {
  command = plan
  variables {
    # a range too small for pods
    vpc_cidr = "10.0.0.0/24"
    # more than 20 nodes
    general_nodes = { instance_types = ["t3.large"], min = 3, max = 21, disk_gib = 40 }
    # timescaledb on rds
    database_mode = "rds"
    timescaledb   = true
    # a database without backups
    database = { instance_class = "db.t4g.medium", storage_gib = 20, storage_max_gib = 50, multi_az = false, backup_days = 0 }
  }
  expect_failures = [
    var.vpc_cidr,
    var.general_nodes,
    var.timescaledb,
    var.database,
  ]
}

# The others' limits depend on it, and are not looked at while it is wrong.
run "refuses_an_unknown_environment" {
  command = plan
  variables {
    environment = "test"
  }
  expect_failures = [var.environment]
}

run "refuses_a_region_that_is_none" {
  command = plan
  variables {
    region = "Frankfurt"
  }
  expect_failures = [var.region]
}
