resource "aws_s3_bucket" "replica" {
  for_each      = local.copied
  provider      = aws.replica
  bucket        = "${local.prefix}-${each.key}-copy"
  force_destroy = !var.deletion_protection
}

resource "aws_s3_bucket_versioning" "replica" {
  for_each = local.copied
  provider = aws.replica
  bucket   = aws_s3_bucket.replica[each.key].id
  versioning_configuration { status = "Enabled" }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "replica" {
  for_each = local.copied
  provider = aws.replica
  bucket   = aws_s3_bucket.replica[each.key].id
  rule {
    bucket_key_enabled = true
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = var.replica_key_arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "replica" {
  for_each                = local.copied
  provider                = aws.replica
  bucket                  = aws_s3_bucket.replica[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "replica" {
  for_each = local.copied
  provider = aws.replica
  bucket   = aws_s3_bucket.replica[each.key].id
  rule { object_ownership = "BucketOwnerEnforced" }
}

resource "aws_s3_bucket_policy" "replica" {
  for_each = local.copied
  provider = aws.replica
  bucket   = aws_s3_bucket.replica[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "RefusePlainText"
      Effect    = "Deny"
      Action    = "s3:*"
      Principal = "*"
      Resource  = [aws_s3_bucket.replica[each.key].arn, "${aws_s3_bucket.replica[each.key].arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
  depends_on = [aws_s3_bucket_public_access_block.replica]
}

resource "aws_s3_bucket_lifecycle_configuration" "replica" {
  for_each = local.copied
  provider = aws.replica
  bucket   = aws_s3_bucket.replica[each.key].id
  rule {
    id     = "remains"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration { noncurrent_days = each.value.old_versions_days }
  }
  depends_on = [aws_s3_bucket_versioning.replica]
}

resource "aws_iam_role" "replication" {
  count = var.cross_region_copies ? 1 : 0
  name  = "${var.name}-replication"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "s3.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "replication" {
  count = length(aws_iam_role.replication)
  name  = "copy"
  role  = aws_iam_role.replication[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["s3:GetReplicationConfiguration", "s3:ListBucket"]
        Resource = [for purpose in keys(local.copied) : aws_s3_bucket.this[purpose].arn]
      },
      {
        Effect   = "Allow"
        Action   = ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging"]
        Resource = [for purpose in keys(local.copied) : "${aws_s3_bucket.this[purpose].arn}/*"]
      },
      {
        Effect   = "Allow"
        Action   = ["s3:ReplicateObject", "s3:ReplicateTags"]
        Resource = [for bucket in aws_s3_bucket.replica : "${bucket.arn}/*"]
      },
      { Effect = "Allow", Action = "kms:Decrypt", Resource = var.key_arn },
      { Effect = "Allow", Action = ["kms:Encrypt", "kms:GenerateDataKey"], Resource = var.replica_key_arn },
    ]
  })
}

resource "aws_s3_bucket_replication_configuration" "this" {
  for_each = local.copied
  bucket   = aws_s3_bucket.this[each.key].id
  role     = aws_iam_role.replication[0].arn

  rule {
    id       = "copy"
    status   = "Enabled"
    priority = 0
    filter {}
    # A deletion here, by mistake or by an intruder, does not reach the copy.
    delete_marker_replication { status = "Disabled" }
    source_selection_criteria {
      sse_kms_encrypted_objects { status = "Enabled" }
    }
    destination {
      bucket        = aws_s3_bucket.replica[each.key].arn
      storage_class = "STANDARD_IA"
      encryption_configuration { replica_kms_key_id = var.replica_key_arn }
    }
  }

  depends_on = [aws_s3_bucket_versioning.this, aws_s3_bucket_versioning.replica]
}
