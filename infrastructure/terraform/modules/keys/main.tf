data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  root = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"
  # The account's own IAM policies decide who uses a key; services are named beside it.
  owner = {
    Sid       = "Account"
    Effect    = "Allow"
    Action    = "kms:*"
    Resource  = "*"
    Principal = { AWS = local.root }
  }
  # Services write on nobody's behalf, so IAM cannot allow them; the account they act for is held fast instead.
  services = {
    data    = []
    cluster = []
    backup  = ["backup.amazonaws.com"]
    logs    = ["logs.${data.aws_region.current.name}.amazonaws.com", "cloudwatch.amazonaws.com"]
  }
}

resource "aws_kms_key" "this" {
  for_each                = local.services
  description             = "${var.name} ${each.key}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([local.owner], [for service in each.value : {
      Sid       = "Use${replace(title(split(".", service)[0]), "-", "")}"
      Effect    = "Allow"
      Action    = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
      Resource  = "*"
      Principal = { Service = service }
      # CloudWatch Logs names the log group it acts for; the others name the account.
      Condition = startswith(service, "logs.") ? {
        ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:${data.aws_partition.current.partition}:logs:*:${data.aws_caller_identity.current.account_id}:*" }
        } : {
        StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id }
      }
    }])
  })
}

resource "aws_kms_alias" "this" {
  for_each      = aws_kms_key.this
  name          = "alias/${var.name}-${each.key}"
  target_key_id = each.value.key_id
}

# Copies in the other region are encrypted there, by a key that does not depend on this region.
resource "aws_kms_key" "replica" {
  count                   = var.cross_region_copies ? 1 : 0
  provider                = aws.replica
  description             = "${var.name} copies"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [local.owner]
  })
}

resource "aws_kms_alias" "replica" {
  count         = length(aws_kms_key.replica)
  provider      = aws.replica
  name          = "alias/${var.name}-copies"
  target_key_id = aws_kms_key.replica[0].key_id
}
