variable "name" {
  description = "Name of the vault, and the value of the tag Backup that selects what is backed up."
  type        = string
}

variable "key_arn" {
  description = "KMS key of the recovery points."
  type        = string
}

variable "replica_key_arn" {
  description = "KMS key of the copies in the other region; null without copies."
  type        = string
}

variable "cross_region_copies" {
  description = "Copy recovery points to the other region."
  type        = bool
}

variable "deletion_protection" {
  description = "Lock the vault and refuse to delete it."
  type        = bool
}

variable "topic_arn" {
  description = "Where failed jobs are told."
  type        = string
}
