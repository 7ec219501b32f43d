variable "name" {
  description = "Name of the instance and prefix of every name."
  type        = string
}

variable "vpc_id" {
  description = "VPC of the instance."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets without a route to the Internet, in two zones at least."
  type        = list(string)
}

variable "client_security_group_id" {
  description = "Who may connect."
  type        = string
}

variable "database" {
  description = "Size and safety."
  type        = object({ instance_class = string, storage_gib = number, storage_max_gib = number, multi_az = bool, backup_days = number })
}

variable "cross_region_copies" {
  description = "Copy the automated backups to the other region."
  type        = bool
}

variable "deletion_protection" {
  description = "Refuse to delete the instance, and keep a last snapshot."
  type        = bool
}

variable "key_arn" {
  description = "KMS key of storage, password and insights."
  type        = string
}

variable "replica_key_arn" {
  description = "KMS key of the copies in the other region; null without copies."
  type        = string
}

variable "log_retention_days" {
  description = "How long the server's logs are kept."
  type        = number
}

variable "log_key_arn" {
  description = "KMS key of the logs."
  type        = string
}
