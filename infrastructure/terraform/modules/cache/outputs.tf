output "addresses" {
  description = "By purpose: broker, cache."
  value       = { for purpose, group in aws_elasticache_replication_group.this : purpose => group.primary_endpoint_address }
}

output "node_ids" {
  description = "Every node, by purpose and number. Their names follow from the group's, so that they are known before it is."
  value = merge([for purpose in keys(local.policies) : {
    for n in range(1 + var.cache.replicas) : "${purpose}-${n + 1}" => "${var.name}-${purpose}-${format("%03d", n + 1)}"
  }]...)
}

output "password_secret_arns" {
  value = { for purpose, secret in aws_secretsmanager_secret.token : purpose => secret.arn }
}
