variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "key_arn" {
  description = "KMS key of the objects."
  type        = string
}

variable "replica_key_arn" {
  description = "KMS key of the copies in the other region; null without copies."
  type        = string
}

variable "cross_region_copies" {
  description = "Copy models, uploads and backups to the other region."
  type        = bool
}

variable "deletion_protection" {
  description = "Refuse to delete a bucket that is not empty."
  type        = bool
}

variable "log_retention_days" {
  description = "How long access logs are kept."
  type        = number
}
