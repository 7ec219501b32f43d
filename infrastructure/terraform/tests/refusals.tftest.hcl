# Each value here is refused before anything is planned. Run with environments/staging.tfvars, workspace staging.
mock_provider "aws" { source = "./tests/mocks" }
mock_provider "aws" {
  alias  = "replica"
  source = "./tests/mocks"
}

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

run "refuses_copies_in_the_same_region" {
  command = plan
  variables {
    replica_region = "eu-central-1"
  }
  expect_failures = [var.replica_region]
}

run "refuses_a_public_range" {
  command = plan
  variables {
    vpc_cidr = "8.8.0.0/16"
  }
  expect_failures = [var.vpc_cidr]
}

run "refuses_a_range_too_small_for_pods" {
  command = plan
  variables {
    vpc_cidr = "10.0.0.0/24"
  }
  expect_failures = [var.vpc_cidr]
}

run "refuses_a_single_zone" {
  command = plan
  variables {
    zone_count = 1
  }
  expect_failures = [var.zone_count]
}

run "refuses_a_patch_level_of_kubernetes" {
  command = plan
  variables {
    kubernetes_version = "1.33.2"
  }
  expect_failures = [var.kubernetes_version]
}

run "refuses_a_cluster_open_to_the_internet" {
  command = plan
  variables {
    cluster_public_cidrs = ["0.0.0.0/0"]
  }
  expect_failures = [var.cluster_public_cidrs]
}

run "refuses_an_administrator_without_an_arn" {
  command = plan
  variables {
    cluster_admin_arns = ["alice"]
  }
  expect_failures = [var.cluster_admin_arns]
}

run "refuses_fewer_than_3_nodes" {
  command = plan
  variables {
    general_nodes = { instance_types = ["t3.large"], min = 2, max = 5, disk_gib = 40 }
  }
  expect_failures = [var.general_nodes]
}

run "refuses_more_than_20_nodes" {
  command = plan
  variables {
    general_nodes = { instance_types = ["t3.large"], min = 3, max = 21, disk_gib = 40 }
  }
  expect_failures = [var.general_nodes]
}

run "refuses_one_type_of_spot_node" {
  command = plan
  variables {
    spot_nodes = { instance_types = ["t3.large"], max = 5, disk_gib = 40 }
  }
  expect_failures = [var.spot_nodes]
}

run "refuses_gpu_nodes_without_a_gpu" {
  command = plan
  variables {
    gpu_nodes = { instance_types = ["m5.large"], max = 1, disk_gib = 100 }
  }
  expect_failures = [var.gpu_nodes]
}

run "refuses_an_unknown_database_mode" {
  command = plan
  variables {
    database_mode = "aurora"
  }
  expect_failures = [var.database_mode]
}

run "refuses_timescaledb_on_rds" {
  command = plan
  variables {
    database_mode = "rds"
    timescaledb   = true
  }
  expect_failures = [var.timescaledb]
}

run "refuses_storage_that_cannot_grow" {
  command = plan
  variables {
    database = { instance_class = "db.t4g.medium", storage_gib = 50, storage_max_gib = 50, multi_az = false, backup_days = 7 }
  }
  expect_failures = [var.database]
}

run "refuses_a_database_without_backups" {
  command = plan
  variables {
    database = { instance_class = "db.t4g.medium", storage_gib = 20, storage_max_gib = 50, multi_az = false, backup_days = 0 }
  }
  expect_failures = [var.database]
}

run "refuses_too_many_replicas" {
  command = plan
  variables {
    cache = { node_type = "cache.t4g.micro", replicas = 6 }
  }
  expect_failures = [var.cache]
}

run "refuses_a_certificate_without_an_arn" {
  command = plan
  variables {
    certificate_arn = "pricing.example"
  }
  expect_failures = [var.certificate_arn]
}

run "refuses_a_rate_below_what_the_waf_counts" {
  command = plan
  variables {
    waf_requests_per_5_minutes = 10
  }
  expect_failures = [var.waf_requests_per_5_minutes]
}

run "refuses_a_reader_that_is_no_account" {
  command = plan
  variables {
    image_reader_accounts = ["*"]
  }
  expect_failures = [var.image_reader_accounts]
}

run "refuses_every_repository_of_an_owner" {
  command = plan
  variables {
    github_repository = "owner/*"
  }
  expect_failures = [var.github_repository]
}

run "refuses_a_retention_that_cloudwatch_has_not" {
  command = plan
  variables {
    log_retention_days = 8
  }
  expect_failures = [var.log_retention_days]
}

run "refuses_an_address_without_a_host" {
  command = plan
  variables {
    alarm_emails = ["ops"]
  }
  expect_failures = [var.alarm_emails]
}
