output "name" {
  description = "Cluster and namespace."
  value       = module.cluster.name
}

output "cluster_endpoint" {
  value = module.cluster.endpoint
}

output "node_groups" {
  value = module.cluster.node_group_names
}

output "database" {
  description = "Address and password's secret of the RDS instance; null with database_mode = \"in_cluster\"."
  value       = one([for it in module.database : { address = it.address, password_secret_arn = it.password_secret_arn }])
}

output "redis" {
  description = "Addresses and password secrets of the broker and the cache."
  value       = { addresses = module.cache.addresses, password_secret_arns = module.cache.password_secret_arns }
}

output "buckets" {
  value = module.storage.names
}

output "storage_root" {
  description = "PRICING_STORAGE_ROOT: one bucket for each kind of object, named by a key's first part."
  value       = "s3://${trimsuffix(module.storage.names.models, "models")}{folder}"
}

output "copies" {
  description = "What the other region holds."
  value       = { buckets = module.storage.replica_names, vault_arn = module.recovery.replica_vault_arn }
}

output "web_acl_arn" {
  value = module.edge.web_acl_arn
}

output "balancer_dns_name" {
  description = "Point the public name here; null without a certificate."
  value       = try(module.edge.balancer.dns_name, null)
}

output "image_repositories" {
  value = module.delivery.repositories
}

output "delivery_role_arns" {
  description = "Values for the workflows' variables."
  value       = module.delivery.role_arns
}

output "backup_vault" {
  value = module.recovery.vault_name
}

output "alarms" {
  value = module.observability.alarm_names
}
