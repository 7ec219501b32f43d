locals {
  # The broker must refuse a write rather than forget a task; the cache must forget rather than refuse.
  policies = {
    broker = "noeviction"
    cache  = "allkeys-lru"
  }
}

resource "aws_elasticache_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.subnet_ids
}

resource "aws_security_group" "this" {
  name        = "${var.name}-redis"
  description = "Redis, reached from the cluster"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-redis" }
}

resource "aws_vpc_security_group_ingress_rule" "cluster" {
  security_group_id            = aws_security_group.this.id
  description                  = "Redis from the cluster"
  referenced_security_group_id = var.client_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
}

resource "aws_elasticache_parameter_group" "this" {
  for_each = local.policies
  name     = "${var.name}-${each.key}"
  family   = "redis7"
  parameter {
    name  = "maxmemory-policy"
    value = each.value
  }
}

# A new random value at every read; the secret below keeps the first one.
data "aws_secretsmanager_random_password" "token" {
  for_each            = local.policies
  password_length     = 64
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret" "token" {
  for_each                = local.policies
  name                    = "${var.name}/redis-${each.key}"
  description             = "Password of the Redis ${each.key}"
  kms_key_id              = var.key_arn
  recovery_window_in_days = var.deletion_protection ? 30 : 0
}

resource "aws_secretsmanager_secret_version" "token" {
  for_each      = local.policies
  secret_id     = aws_secretsmanager_secret.token[each.key].id
  secret_string = data.aws_secretsmanager_random_password.token[each.key].random_password
  lifecycle { ignore_changes = [secret_string] }
}

resource "aws_cloudwatch_log_group" "this" {
  for_each          = local.policies
  name              = "/aws/elasticache/${var.name}-${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_key_arn
}

resource "aws_elasticache_replication_group" "this" {
  for_each             = local.policies
  replication_group_id = "${var.name}-${each.key}"
  description          = "Redis ${each.key} of ${var.name}"
  engine               = "redis"
  engine_version       = "7.1"
  node_type            = var.cache.node_type
  parameter_group_name = aws_elasticache_parameter_group.this[each.key].name
  port                 = 6379

  num_cache_clusters         = 1 + var.cache.replicas
  automatic_failover_enabled = var.cache.replicas > 0
  multi_az_enabled           = var.cache.replicas > 0

  subnet_group_name          = aws_elasticache_subnet_group.this.name
  security_group_ids         = [aws_security_group.this.id]
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  auth_token                 = aws_secretsmanager_secret_version.token[each.key].secret_string
  at_rest_encryption_enabled = true
  kms_key_id                 = var.key_arn

  # Tasks are worth keeping, cached values are not.
  snapshot_retention_limit   = each.key == "broker" ? 7 : 0
  snapshot_window            = each.key == "broker" ? "02:00-03:00" : null
  maintenance_window         = "sun:04:00-sun:05:00"
  auto_minor_version_upgrade = true

  log_delivery_configuration {
    destination      = aws_cloudwatch_log_group.this[each.key].name
    destination_type = "cloudwatch-logs"
    log_format       = "json"
    log_type         = "slow-log"
  }
}
