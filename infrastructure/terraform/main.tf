data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  # Also the namespace in the cluster.
  name = var.environment == "production" ? "pricing-agent" : "pricing-agent-${var.environment}"
  tags = {
    Project     = "pricing-agent"
    Environment = var.environment
    ManagedBy   = "terraform"
  }
  # HTTPS node port of the ingress controller, see infrastructure/k8s.
  ingress_node_port = 30443
}

# Staging's values on production's state would replace production.
resource "terraform_data" "workspace" {
  input = var.environment
  lifecycle {
    precondition {
      condition     = terraform.workspace == (var.environment == "production" ? "default" : var.environment)
      error_message = <<-TEXT
        Workspace "${terraform.workspace}" does not hold ${var.environment}.
        Run: terraform workspace select ${var.environment == "production" ? "default" : "-or-create ${var.environment}"}
      TEXT
    }
  }
}

module "keys" {
  source              = "./modules/keys"
  providers           = { aws = aws, aws.replica = aws.replica }
  name                = local.name
  cross_region_copies = var.cross_region_copies
}

module "network" {
  source              = "./modules/network"
  name                = local.name
  cidr                = var.vpc_cidr
  zone_count          = var.zone_count
  nat_per_zone        = var.nat_per_zone
  interface_endpoints = var.interface_endpoints
  log_retention_days  = var.log_retention_days
  log_key_arn         = module.keys.arns.logs
}

module "storage" {
  source              = "./modules/storage"
  providers           = { aws = aws, aws.replica = aws.replica }
  name                = local.name
  key_arn             = module.keys.arns.data
  replica_key_arn     = module.keys.replica_arn
  cross_region_copies = var.cross_region_copies
  deletion_protection = var.deletion_protection
  log_retention_days  = var.log_retention_days
}

module "cluster" {
  source             = "./modules/cluster"
  name               = local.name
  kubernetes_version = var.kubernetes_version
  subnet_ids         = module.network.private_subnet_ids
  public_cidrs       = var.cluster_public_cidrs
  admin_arns         = var.cluster_admin_arns
  general_nodes      = var.general_nodes
  spot_nodes         = var.spot_nodes
  gpu_nodes          = var.gpu_nodes
  secrets_key_arn    = module.keys.arns.cluster
  log_retention_days = var.log_retention_days
  log_key_arn        = module.keys.arns.logs
  pod_roles          = local.pod_roles
}

module "database" {
  source                   = "./modules/database"
  count                    = var.database_mode == "rds" ? 1 : 0
  providers                = { aws = aws, aws.replica = aws.replica }
  name                     = local.name
  vpc_id                   = module.network.vpc_id
  subnet_ids               = module.network.database_subnet_ids
  client_security_group_id = module.cluster.security_group_id
  database                 = var.database
  cross_region_copies      = var.cross_region_copies
  deletion_protection      = var.deletion_protection
  key_arn                  = module.keys.arns.data
  replica_key_arn          = module.keys.replica_arn
  log_retention_days       = var.log_retention_days
  log_key_arn              = module.keys.arns.logs
}

module "cache" {
  source                   = "./modules/cache"
  name                     = local.name
  vpc_id                   = module.network.vpc_id
  subnet_ids               = module.network.database_subnet_ids
  client_security_group_id = module.cluster.security_group_id
  cache                    = var.cache
  deletion_protection      = var.deletion_protection
  key_arn                  = module.keys.arns.data
  log_retention_days       = var.log_retention_days
  log_key_arn              = module.keys.arns.logs
}

module "edge" {
  source                    = "./modules/edge"
  name                      = local.name
  requests_per_5_minutes    = var.waf_requests_per_5_minutes
  certificate_arn           = var.certificate_arn
  ingress_node_port         = local.ingress_node_port
  vpc_id                    = module.network.vpc_id
  public_subnet_ids         = module.network.public_subnet_ids
  cluster_security_group_id = module.cluster.security_group_id
  autoscaling_group         = module.cluster.general_autoscaling_group
  logs_bucket               = module.storage.logs_name
  deletion_protection       = var.deletion_protection
  log_retention_days        = var.log_retention_days
  log_key_arn               = module.keys.arns.logs
}

module "delivery" {
  source                   = "./modules/delivery"
  name                     = local.name
  environment              = var.environment
  image_registry           = var.image_registry
  image_reader_accounts    = var.image_reader_accounts
  github_repository        = var.github_repository
  github_oidc_provider_arn = var.github_oidc_provider_arn
  cluster_name             = module.cluster.name
  cluster_arn              = module.cluster.arn
  backups_bucket_arn       = module.storage.arns.backups
  data_key_arn             = module.keys.arns.data
  deletion_protection      = var.deletion_protection
}

module "observability" {
  source              = "./modules/observability"
  name                = local.name
  region              = var.region
  key_arn             = module.keys.arns.logs
  log_retention_days  = var.log_retention_days
  alarm_emails        = var.alarm_emails
  cluster_name        = local.name
  web_acl_name        = module.edge.web_acl_name
  database_identifier = var.database_mode == "rds" ? local.name : null
  cache_node_ids      = module.cache.node_ids
  nat_gateway_ids     = module.network.nat_gateway_ids
  balancer            = module.edge.balancer
}

module "recovery" {
  source              = "./modules/recovery"
  providers           = { aws = aws, aws.replica = aws.replica }
  name                = local.name
  key_arn             = module.keys.arns.backup
  replica_key_arn     = module.keys.replica_arn
  cross_region_copies = var.cross_region_copies
  deletion_protection = var.deletion_protection
  topic_arn           = module.observability.topic_arn
}
