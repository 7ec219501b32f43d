# Run with environments/staging.tfvars, workspace staging.
mock_provider "aws" { source = "./tests/mocks" }
mock_provider "aws" {
  alias  = "replica"
  source = "./tests/mocks"
}

run "staging" {
  command = apply
  assert {
    condition     = output.database != null && length(output.copies.buckets) == 0 && output.copies.vault_arn == null
    error_message = "Staging has a database and keeps no copies elsewhere."
  }
  assert {
    condition     = length(output.image_repositories) == 0 && length(output.delivery_role_arns) == 0 && output.balancer_dns_name == null
    error_message = "Without a certificate and a repository there is no public door, no registry and no role for workflows."
  }
  assert {
    condition     = length([for alarm in output.alarms : alarm if strcontains(alarm, "-nat-")]) == 1
    error_message = "Staging has one NAT gateway."
  }
}

run "postgresql_in_the_cluster" {
  command = plan
  variables {
    database_mode = "in_cluster"
    timescaledb   = true
  }
  assert {
    condition     = output.database == null && length(module.database) == 0
    error_message = "With the database in the cluster there is no RDS instance."
  }
}

run "without_spot_and_gpu_nodes" {
  command = plan
  variables {
    spot_nodes = { instance_types = [], max = 0, disk_gib = 40 }
    gpu_nodes  = { instance_types = [], max = 0, disk_gib = 40 }
  }
  assert {
    condition     = toset(output.node_groups) == toset(["general"])
    error_message = "Groups of no nodes are not made."
  }
}
