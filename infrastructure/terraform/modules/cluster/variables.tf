variable "name" {
  description = "Name of the cluster and prefix of every name."
  type        = string
}

variable "kubernetes_version" {
  description = "Minor version of EKS."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets of the nodes, pods and control plane interfaces."
  type        = list(string)
}

variable "public_cidrs" {
  description = "Networks that may reach the API from outside; empty: private."
  type        = set(string)
}

variable "admin_arns" {
  description = "IAM principals that administer the cluster."
  type        = set(string)
}

variable "general_nodes" {
  description = "Nodes of the services."
  type        = object({ instance_types = list(string), min = number, max = number, disk_gib = number })
}

variable "spot_nodes" {
  description = "Nodes of interruptible work; max = 0: none."
  type        = object({ instance_types = list(string), max = number, disk_gib = number })
}

variable "gpu_nodes" {
  description = "Nodes with a GPU; max = 0: none."
  type        = object({ instance_types = list(string), max = number, disk_gib = number })
}

variable "secrets_key_arn" {
  description = "KMS key that envelops the cluster's secrets."
  type        = string
}

variable "log_retention_days" {
  description = "How long the control plane's logs are kept."
  type        = number
}

variable "log_key_arn" {
  description = "KMS key of the logs."
  type        = string
}

variable "pod_roles" {
  description = "Service accounts with rights in AWS: a policy of ours (JSON), the name of one managed by AWS, or both."
  type = map(object({
    namespace       = string
    service_account = string
    policy          = optional(string)
    managed_policy  = optional(string)
  }))
}
