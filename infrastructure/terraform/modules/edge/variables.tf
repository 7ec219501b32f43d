variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "requests_per_5_minutes" {
  description = "Requests from one address above which it is blocked."
  type        = number
}

variable "certificate_arn" {
  description = "ACM certificate of the public name; empty: no load balancer."
  type        = string
}

variable "ingress_node_port" {
  description = "HTTPS node port of the ingress controller."
  type        = number
}

variable "vpc_id" {
  description = "VPC of the load balancer."
  type        = string
}

variable "public_subnet_ids" {
  description = "Subnets of the load balancer."
  type        = list(string)
}

variable "cluster_security_group_id" {
  description = "Security group of the nodes."
  type        = string
}

variable "autoscaling_group" {
  description = "Nodes that take the requests."
  type        = string
}

variable "logs_bucket" {
  description = "Bucket of the load balancer's access logs."
  type        = string
}

variable "deletion_protection" {
  description = "Refuse to delete the load balancer."
  type        = bool
}

variable "log_retention_days" {
  description = "How long the WAF's logs are kept."
  type        = number
}

variable "log_key_arn" {
  description = "KMS key of the logs."
  type        = string
}
