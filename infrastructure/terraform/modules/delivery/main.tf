data "aws_partition" "current" {}

locals {
  issuer       = "token.actions.githubusercontent.com"
  repositories = var.image_registry ? toset(["web", "ml", "worker"]) : toset([])
  federated    = var.github_repository == "" ? [] : [var.github_oidc_provider_arn != "" ? var.github_oidc_provider_arn : one(aws_iam_openid_connect_provider.github[*].arn)]
  # The registry may be another account's, which then has this one among its readers.
  images = "arn:${data.aws_partition.current.partition}:ecr:*:*:repository/pricing-agent/*"
  log_in = { Effect = "Allow", Action = "ecr:GetAuthorizationToken", Resource = "*" }
  # Which runs may take which role, as GitHub words them in the token's subject.
  subjects = {
    build   = ["repo:${var.github_repository}:ref:refs/heads/main", "repo:${var.github_repository}:ref:refs/tags/v*"]
    deploy  = ["repo:${var.github_repository}:environment:${var.environment}"]
    observe = ["repo:${var.github_repository}:environment:${var.environment}-observe"]
  }
  policies = {
    build = [
      local.log_in,
      {
        Effect = "Allow"
        Action = [
          "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages",
          "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
        ]
        Resource = local.images
      },
    ]
    deploy = [
      local.log_in,
      # Signatures are checked before a deployment.
      { Effect = "Allow", Action = ["ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer"], Resource = local.images },
      { Effect = "Allow", Action = "eks:DescribeCluster", Resource = var.cluster_arn },
      # The backup that deploy.sh takes before it switches.
      { Effect = "Allow", Action = "s3:ListBucket", Resource = var.backups_bucket_arn },
      { Effect = "Allow", Action = ["s3:GetObject", "s3:PutObject"], Resource = "${var.backups_bucket_arn}/*" },
      { Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = var.data_key_arn },
    ]
    observe = [
      { Effect = "Allow", Action = "eks:DescribeCluster", Resource = var.cluster_arn },
      { Effect = "Allow", Action = "s3:ListBucket", Resource = var.backups_bucket_arn },
      { Effect = "Allow", Action = "s3:GetObject", Resource = "${var.backups_bucket_arn}/*" },
      { Effect = "Allow", Action = "kms:Decrypt", Resource = var.data_key_arn },
    ]
  }
  # A role without anything to do is not made.
  roles = length(local.federated) == 0 ? toset([]) : toset([for role in keys(local.subjects) : role if role != "build" || var.image_registry])
}

resource "aws_ecr_repository" "this" {
  for_each = local.repositories
  name     = "pricing-agent/${each.key}"
  # A tag that was signed means the same image for ever.
  image_tag_mutability = "IMMUTABLE"
  force_delete         = !var.deletion_protection
  image_scanning_configuration { scan_on_push = true }
  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = var.data_key_arn
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  for_each   = aws_ecr_repository.this
  repository = each.value.name
  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "Images that lost their tag"
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
        action       = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "Builds of the main branch; releases (v…) stay"
        selection    = { tagStatus = "tagged", tagPrefixList = ["sha-"], countType = "imageCountMoreThan", countNumber = 100 }
        action       = { type = "expire" }
      },
    ]
  })
}

resource "aws_ecr_repository_policy" "readers" {
  for_each   = length(var.image_reader_accounts) > 0 ? aws_ecr_repository.this : {}
  repository = each.value.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Pull"
      Effect    = "Allow"
      Action    = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      Principal = { AWS = [for account in var.image_reader_accounts : "arn:${data.aws_partition.current.partition}:iam::${account}:root"] }
    }]
  })
}

resource "aws_iam_openid_connect_provider" "github" {
  count          = var.github_repository != "" && var.github_oidc_provider_arn == "" ? 1 : 0
  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
}

resource "aws_iam_role" "github" {
  for_each             = local.roles
  name                 = "${var.name}-github-${each.key}"
  max_session_duration = 3600
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = local.federated[0] }
      Condition = {
        StringEquals = { "${local.issuer}:aud" = "sts.amazonaws.com" }
        StringLike   = { "${local.issuer}:sub" = local.subjects[each.key] }
      }
    }]
  })
}

resource "aws_iam_role_policy" "github" {
  for_each = local.roles
  name     = "work"
  role     = aws_iam_role.github[each.key].id
  policy   = jsonencode({ Version = "2012-10-17", Statement = local.policies[each.key] })
}

# In the cluster: the deployer edits its own namespace, the observer reads it.
locals {
  cluster_policies = { for role, policy in { deploy = "AmazonEKSEditPolicy", observe = "AmazonEKSViewPolicy" } : role => policy if contains(local.roles, role) }
}

resource "aws_eks_access_entry" "github" {
  for_each      = local.cluster_policies
  cluster_name  = var.cluster_name
  principal_arn = aws_iam_role.github[each.key].arn
}

resource "aws_eks_access_policy_association" "github" {
  for_each      = local.cluster_policies
  cluster_name  = var.cluster_name
  principal_arn = aws_eks_access_entry.github[each.key].principal_arn
  policy_arn    = "arn:${data.aws_partition.current.partition}:eks::aws:cluster-access-policy/${each.value}"
  access_scope {
    type       = "namespace"
    namespaces = [var.name]
  }
}
