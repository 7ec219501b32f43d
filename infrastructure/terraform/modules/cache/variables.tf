variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "vpc_id" {
  description = "VPC of the nodes."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets without a route to the Internet."
  type        = list(string)
}

variable "client_security_group_id" {
  description = "Who may connect."
  type        = string
}

variable "cache" {
  description = "Node type and replicas."
  type        = object({ node_type = string, replicas = number })
}

variable "deletion_protection" {
  description = "Keep deleted passwords recoverable for 30 days."
  type        = bool
}

variable "key_arn" {
  description = "KMS key of data and passwords."
  type        = string
}

variable "log_retention_days" {
  description = "How long slow logs are kept."
  type        = number
}

variable "log_key_arn" {
  description = "KMS key of the logs."
  type        = string
}
