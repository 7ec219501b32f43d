variable "name" {
  description = "Prefix of every name, and the namespace that is deployed to."
  type        = string
}

variable "environment" {
  description = "GitHub environment whose runs may deploy."
  type        = string
}

variable "image_registry" {
  description = "Make the image repositories here."
  type        = bool
}

variable "image_reader_accounts" {
  description = "Other accounts that may pull."
  type        = set(string)
}

variable "github_repository" {
  description = "owner/name; empty: no roles for workflows."
  type        = string
}

variable "github_oidc_provider_arn" {
  description = "Existing identity provider; empty: it is made."
  type        = string
}

variable "cluster_name" {
  description = "Cluster that is deployed to."
  type        = string
}

variable "cluster_arn" {
  description = "The same, as IAM names it."
  type        = string
}

variable "backups_bucket_arn" {
  description = "Bucket of the backups."
  type        = string
}

variable "data_key_arn" {
  description = "KMS key of images and backups."
  type        = string
}

variable "deletion_protection" {
  description = "Refuse to delete a repository that holds images."
  type        = bool
}
