variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "cidr" {
  description = "IPv4 range of the VPC."
  type        = string
}

variable "zone_count" {
  description = "Availability zones to spread over."
  type        = number
}

variable "nat_per_zone" {
  description = "One NAT gateway in each zone, or one for all."
  type        = bool
}

variable "interface_endpoints" {
  description = "AWS services reached by private endpoints."
  type        = set(string)
}

variable "log_retention_days" {
  description = "How long flow logs are kept."
  type        = number
}

variable "log_key_arn" {
  description = "KMS key of the flow logs."
  type        = string
}
