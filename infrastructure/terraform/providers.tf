provider "aws" {
  region = var.region
  default_tags { tags = local.tags }
}

# Where copies go: another region survives what ends the first.
provider "aws" {
  alias  = "replica"
  region = var.replica_region
  default_tags { tags = local.tags }
}
