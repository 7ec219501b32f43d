terraform {
  # Write-only arguments and the lock file of the S3 backend need 1.11.
  required_version = ">= 1.11.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }

  # A bucket's name is global: give your own with `terraform init -backend-config="bucket=…"`. bootstrap/ makes it.
  # Production lives in the default workspace, staging in the workspace "staging".
  backend "s3" {
    bucket       = "pricing-agent-terraform-state"
    key          = "pricing-agent/terraform.tfstate"
    region       = "eu-central-1"
    encrypt      = true
    use_lockfile = true
  }
}
