variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "region" {
  description = "Region of the metrics."
  type        = string
}

variable "key_arn" {
  description = "KMS key of logs and alarms."
  type        = string
}

variable "log_retention_days" {
  description = "How long the cluster's logs are kept."
  type        = number
}

variable "alarm_emails" {
  description = "Addresses that get the alarms."
  type        = set(string)
}

variable "cluster_name" {
  description = "Cluster that is watched."
  type        = string
}

variable "web_acl_name" {
  description = "WAF that is watched."
  type        = string
}

variable "database_identifier" {
  description = "RDS instance that is watched; null: none."
  type        = string
}

variable "cache_node_ids" {
  description = "Redis nodes that are watched, by purpose and number."
  type        = map(string)
}

variable "nat_gateway_ids" {
  description = "NAT gateways that are watched."
  type        = list(string)
}

variable "balancer" {
  description = "Load balancer that is watched; null: none."
  type        = object({ dns_name = string, arn_suffix = string, target_group = string })
}
