variable "environment" {
  description = "Which environment this is; names, limits and refusals depend on it."
  type        = string
  validation {
    condition     = contains(["staging", "production"], var.environment)
    error_message = "environment is \"staging\" or \"production\"."
  }
}

variable "region" {
  description = "Region in which everything runs."
  type        = string
  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is a region's name, such as eu-central-1."
  }
}

variable "replica_region" {
  description = "Region that holds the copies of backups, models and uploads."
  type        = string
  validation {
    condition     = var.replica_region != var.region
    error_message = "replica_region must differ from region: a copy in the same region is lost with it."
  }
}

# Network

variable "vpc_cidr" {
  description = "Private IPv4 range of the VPC, /16 to /20."
  type        = string
  validation {
    condition = (can(cidrhost(var.vpc_cidr, 0)) &&
      can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.)", var.vpc_cidr)) &&
    try(tonumber(split("/", var.vpc_cidr)[1]) >= 16 && tonumber(split("/", var.vpc_cidr)[1]) <= 20, false))
    error_message = "vpc_cidr is a private range (RFC 1918) of size /16 to /20, such as 10.20.0.0/16."
  }
}

variable "zone_count" {
  description = "Availability zones to spread over."
  type        = number
  validation {
    condition     = contains([2, 3], var.zone_count)
    error_message = "zone_count is 2 or 3: EKS and RDS ask for two at least."
  }
  validation {
    condition     = var.environment != "production" || var.zone_count == 3
    error_message = "production spreads over 3 zones."
  }
}

variable "nat_per_zone" {
  description = "One NAT gateway in each zone (true), or one for all of them, which is cheaper and falls with its zone (false)."
  type        = bool
  validation {
    condition     = var.environment != "production" || var.nat_per_zone
    error_message = "production needs nat_per_zone = true."
  }
}

variable "interface_endpoints" {
  description = "AWS services reached by private endpoints in place of the NAT gateways, such as \"ecr.api\"."
  type        = set(string)
}

# Cluster

variable "kubernetes_version" {
  description = "Minor version of EKS."
  type        = string
  validation {
    condition     = can(regex("^1\\.(3[1-9]|[4-9][0-9])$", var.kubernetes_version))
    error_message = "kubernetes_version is 1.31 or later, without a patch level."
  }
}

variable "cluster_public_cidrs" {
  description = "Networks that may reach the cluster's API from outside the VPC; empty: the API is private."
  type        = set(string)
  default     = []
  validation {
    condition     = alltrue([for c in var.cluster_public_cidrs : can(cidrhost(c, 0)) && !endswith(c, "/0")])
    error_message = "cluster_public_cidrs are networks in CIDR notation, and never the whole Internet."
  }
}

variable "cluster_admin_arns" {
  description = "IAM roles or users that administer the cluster."
  type        = set(string)
  default     = []
  validation {
    condition     = alltrue([for a in var.cluster_admin_arns : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/", a))])
    error_message = "cluster_admin_arns are ARNs of IAM roles or users."
  }
}

variable "general_nodes" {
  description = "Managed node group that runs the services."
  type = object({
    instance_types = list(string)
    min            = number
    max            = number
    disk_gib       = number
  })
  validation {
    condition     = 3 <= var.general_nodes.min && var.general_nodes.min <= var.general_nodes.max && var.general_nodes.max <= 20
    error_message = "general_nodes: 3 <= min <= max <= 20."
  }
  validation {
    condition     = length(var.general_nodes.instance_types) > 0 && var.general_nodes.disk_gib >= 20
    error_message = "general_nodes: at least one instance type, and a disk of 20 GiB or more."
  }
}

variable "spot_nodes" {
  description = "Spot instances for work that may be interrupted; several types, since one type's pool runs dry. max = 0: none."
  type = object({
    instance_types = list(string)
    max            = number
    disk_gib       = number
  })
  validation {
    condition     = 0 <= var.spot_nodes.max && var.spot_nodes.max <= 20 && (var.spot_nodes.max == 0 || length(var.spot_nodes.instance_types) > 1)
    error_message = "spot_nodes: 0 <= max <= 20, and two instance types or more."
  }
}

variable "gpu_nodes" {
  description = "GPU instances, tainted nvidia.com/gpu so that only work that asks for a GPU lands there. max = 0: none."
  type = object({
    instance_types = list(string)
    max            = number
    disk_gib       = number
  })
  validation {
    condition     = 0 <= var.gpu_nodes.max && var.gpu_nodes.max <= 5 && alltrue([for t in var.gpu_nodes.instance_types : can(regex("^(g[4-9]|g[4-9][a-z]+|p[3-9][a-z]*)\\.", t))])
    error_message = "gpu_nodes: 0 <= max <= 5, and instance types of the g4 to g9 or p3 to p9 families."
  }
}

# Data

variable "database_mode" {
  description = "\"rds\": a managed PostgreSQL. \"in_cluster\": the StatefulSet of infrastructure/k8s, which has TimescaleDB."
  type        = string
  validation {
    condition     = contains(["rds", "in_cluster"], var.database_mode)
    error_message = "database_mode is \"rds\" or \"in_cluster\"."
  }
}

variable "timescaledb" {
  description = "Whether TimescaleDB is wanted; without it prices are kept in native partitions."
  type        = bool
  validation {
    condition     = !(var.timescaledb && var.database_mode == "rds")
    error_message = "RDS offers no TimescaleDB. Use database_mode = \"in_cluster\", or timescaledb = false (native partitions)."
  }
}

variable "database" {
  description = "Size and safety of the RDS instance; not used with database_mode = \"in_cluster\"."
  type = object({
    instance_class  = string
    storage_gib     = number
    storage_max_gib = number
    multi_az        = bool
    backup_days     = number
  })
  validation {
    condition     = 20 <= var.database.storage_gib && var.database.storage_gib < var.database.storage_max_gib && var.database.storage_max_gib <= 65536
    error_message = "database: 20 <= storage_gib < storage_max_gib <= 65536."
  }
  validation {
    condition     = 1 <= var.database.backup_days && var.database.backup_days <= 35
    error_message = "database: backup_days is 1 to 35."
  }
  validation {
    condition     = var.environment != "production" || (var.database.multi_az && var.database.backup_days >= 30)
    error_message = "production needs database.multi_az = true and backups of 30 days or more."
  }
}

variable "cache" {
  description = "ElastiCache node type and replicas, for the broker and for the cache alike."
  type = object({
    node_type = string
    replicas  = number
  })
  validation {
    condition     = 0 <= var.cache.replicas && var.cache.replicas <= 5
    error_message = "cache: replicas is 0 to 5."
  }
  validation {
    condition     = var.environment != "production" || var.cache.replicas >= 1
    error_message = "production needs one replica at least: without it a node's failure is an outage."
  }
}

variable "cross_region_copies" {
  description = "Copy backups, models and uploads to replica_region."
  type        = bool
  validation {
    condition     = var.environment != "production" || var.cross_region_copies
    error_message = "production needs cross_region_copies = true."
  }
}

variable "deletion_protection" {
  description = "Refuse to delete databases and buckets that hold data."
  type        = bool
  validation {
    condition     = var.environment != "production" || var.deletion_protection
    error_message = "production needs deletion_protection = true."
  }
}

# Edge

variable "certificate_arn" {
  description = "ACM certificate of the public name. Empty: no load balancer is made, the cluster is reached from inside only."
  type        = string
  default     = ""
  validation {
    condition     = var.certificate_arn == "" || can(regex("^arn:aws[a-z-]*:acm:", var.certificate_arn))
    error_message = "certificate_arn is the ARN of an ACM certificate, or empty."
  }
}

variable "waf_requests_per_5_minutes" {
  description = "Requests from one address in five minutes above which the WAF blocks it."
  type        = number
  validation {
    condition     = 100 <= var.waf_requests_per_5_minutes && var.waf_requests_per_5_minutes <= 2000000000
    error_message = "waf_requests_per_5_minutes is 100 or more."
  }
}

# Delivery

variable "image_registry" {
  description = "Make the image repositories here. One environment does; the other one reads from it."
  type        = bool
}

variable "image_reader_accounts" {
  description = "Other AWS accounts that may pull the images."
  type        = set(string)
  default     = []
  validation {
    condition     = alltrue([for a in var.image_reader_accounts : can(regex("^[0-9]{12}$", a))])
    error_message = "image_reader_accounts are AWS account numbers of 12 digits."
  }
}

variable "github_repository" {
  description = "owner/name of the repository whose workflows may take the delivery roles; empty: none."
  type        = string
  default     = ""
  validation {
    condition     = var.github_repository == "" || can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github_repository))
    error_message = "github_repository is \"owner/name\", without a wildcard, or empty."
  }
}

variable "github_oidc_provider_arn" {
  description = "GitHub's identity provider where the account has one already; empty: it is made."
  type        = string
  default     = ""
}

# Observability

variable "log_retention_days" {
  description = "How long CloudWatch keeps logs."
  type        = number
  validation {
    condition     = contains([7, 14, 30, 60, 90, 180, 365], var.log_retention_days)
    error_message = "log_retention_days is 7, 14, 30, 60, 90, 180 or 365."
  }
  validation {
    condition     = var.environment != "production" || var.log_retention_days >= 90
    error_message = "production keeps logs for 90 days or more."
  }
}

variable "alarm_emails" {
  description = "Addresses that get the alarms; each confirms its subscription by a link."
  type        = set(string)
  default     = []
  validation {
    condition     = alltrue([for a in var.alarm_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", a))])
    error_message = "alarm_emails are e-mail addresses."
  }
}
