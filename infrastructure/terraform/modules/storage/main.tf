data "aws_caller_identity" "current" {}

locals {
  # copied: whether the other region holds it too; exports can be written again.
  # Nothing here deletes a current backup: scripts/backup_manager does, and knows which one is the last good one.
  buckets = {
    models  = { copied = true, colder_after_days = null, expire_after_days = null, old_versions_days = 180 }
    uploads = { copied = true, colder_after_days = 90, expire_after_days = null, old_versions_days = 30 }
    exports = { copied = false, colder_after_days = null, expire_after_days = 90, old_versions_days = 7 }
    backups = { copied = true, colder_after_days = 30, expire_after_days = null, old_versions_days = 30 }
  }
  copied = { for purpose, bucket in local.buckets : purpose => bucket if bucket.copied && var.cross_region_copies }
  # Names are global: the account's number keeps them ours.
  prefix = "${var.name}-${data.aws_caller_identity.current.account_id}"
}

resource "aws_s3_bucket" "this" {
  for_each      = local.buckets
  bucket        = "${local.prefix}-${each.key}"
  force_destroy = !var.deletion_protection
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.this[each.key].id
  versioning_configuration { status = "Enabled" }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.this[each.key].id
  rule {
    bucket_key_enabled = true
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = var.key_arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each                = local.buckets
  bucket                  = aws_s3_bucket.this[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.this[each.key].id
  rule { object_ownership = "BucketOwnerEnforced" }
}

resource "aws_s3_bucket_policy" "this" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.this[each.key].id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [local.refuse_plain[each.key]]
  })
  depends_on = [aws_s3_bucket_public_access_block.this]
}

locals {
  refuse_plain = {
    for purpose, bucket in merge(aws_s3_bucket.this, { logs = aws_s3_bucket.logs }) : purpose => {
      Sid       = "RefusePlainText"
      Effect    = "Deny"
      Action    = "s3:*"
      Principal = { AWS = "*" }
      Resource  = [bucket.arn, "${bucket.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.this[each.key].id

  rule {
    id     = "remains"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload { days_after_initiation = 7 }
    noncurrent_version_expiration { noncurrent_days = each.value.old_versions_days }
  }

  dynamic "rule" {
    for_each = each.value.colder_after_days[*]
    content {
      id     = "colder"
      status = "Enabled"
      filter {}
      transition {
        days          = rule.value
        storage_class = "STANDARD_IA"
      }
    }
  }

  dynamic "rule" {
    for_each = each.value.expire_after_days[*]
    content {
      id     = "expire"
      status = "Enabled"
      filter {}
      expiration { days = rule.value }
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_logging" "this" {
  for_each      = local.buckets
  bucket        = aws_s3_bucket.this[each.key].id
  target_bucket = aws_s3_bucket.logs.id
  target_prefix = "s3/${each.key}/"
  # Refused while those who deliver may not write.
  depends_on = [aws_s3_bucket_policy.logs]
}
