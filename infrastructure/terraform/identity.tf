# What each service account may do in AWS, and nothing more. The names are those of infrastructure/k8s.
locals {
  buckets = module.storage.arns
  secrets = "arn:${data.aws_partition.current.partition}:secretsmanager:${var.region}:${data.aws_caller_identity.current.account_id}:secret:${local.name}/*"

  use_data_key  = { Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = module.keys.arns.data }
  read_data_key = { Effect = "Allow", Action = ["kms:Decrypt"], Resource = module.keys.arns.data }

  # bucket => which of list, read, write, delete
  bucket_rights = {
    web      = { uploads = ["list", "read", "write"], exports = ["list", "read", "delete"] }
    ml       = { models = ["list", "read", "write"] }
    worker   = { uploads = ["list", "read", "write"], models = ["list", "read", "write"], exports = ["list", "read", "write", "delete"] }
    backup   = { backups = ["list", "read", "write", "delete"], models = ["list", "read"] }
    postgres = { backups = ["list", "read", "write"] }
  }
  object_actions = { read = "s3:GetObject", write = "s3:PutObject", delete = "s3:DeleteObject" }

  app_accounts = merge(
    { web = "pricing-web", ml = "pricing-ml", worker = "pricing-worker", backup = "pricing-backup" },
    # In the cluster PostgreSQL archives its write-ahead log itself; RDS does so on its own.
    var.database_mode == "in_cluster" ? { postgres = "pricing-postgres" } : {},
  )

  app_roles = {
    for name, account in local.app_accounts : name => {
      namespace       = local.name
      service_account = account
      managed_policy  = null
      policy = jsonencode({
        Version = "2012-10-17"
        Statement = concat(
          [for bucket, rights in local.bucket_rights[name] : {
            Effect = "Allow", Action = ["s3:ListBucket"], Resource = local.buckets[bucket]
          } if contains(rights, "list")],
          [for bucket, rights in local.bucket_rights[name] : {
            Effect   = "Allow"
            Action   = [for right in rights : local.object_actions[right] if right != "list"]
            Resource = "${local.buckets[bucket]}/*"
          }],
          [anytrue([for rights in values(local.bucket_rights[name]) : contains(rights, "write")]) ? local.use_data_key : local.read_data_key],
        )
      })
    }
  }

  system_roles = {
    external-secrets = {
      namespace       = "external-secrets"
      service_account = "external-secrets"
      managed_policy  = null
      policy = jsonencode({
        Version = "2012-10-17"
        Statement = [
          { Effect = "Allow", Action = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"], Resource = compact([local.secrets, one(module.database[*].password_secret_arn)]) },
          local.read_data_key,
        ]
      })
    }
    cluster-autoscaler = {
      namespace       = "kube-system"
      service_account = "cluster-autoscaler"
      managed_policy  = null
      policy = jsonencode({
        Version = "2012-10-17"
        Statement = [
          {
            Effect = "Allow"
            Action = [
              "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingInstances",
              "autoscaling:DescribeLaunchConfigurations", "autoscaling:DescribeScalingActivities",
              "ec2:DescribeImages", "ec2:DescribeInstanceTypes", "ec2:DescribeLaunchTemplateVersions",
              "ec2:GetInstanceTypesFromInstanceRequirements", "eks:DescribeNodegroup",
            ]
            Resource = "*"
          },
          {
            Effect    = "Allow"
            Action    = ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]
            Resource  = "*"
            Condition = { StringEquals = { "aws:ResourceTag/k8s.io/cluster-autoscaler/${local.name}" = "owned" } }
          },
        ]
      })
    }
    ebs-csi = {
      namespace       = "kube-system"
      service_account = "ebs-csi-controller-sa"
      managed_policy  = "service-role/AmazonEBSCSIDriverPolicy"
      # Volumes are encrypted with the key of the data.
      policy = jsonencode({
        Version = "2012-10-17"
        Statement = [
          { Effect = "Allow", Action = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"], Resource = module.keys.arns.data },
          { Effect = "Allow", Action = "kms:CreateGrant", Resource = module.keys.arns.data, Condition = { Bool = { "kms:GrantIsForAWSResource" = "true" } } },
        ]
      })
    }
    cloudwatch-agent = {
      namespace       = "amazon-cloudwatch"
      service_account = "cloudwatch-agent"
      managed_policy  = "CloudWatchAgentServerPolicy"
      policy          = null
    }
  }

  pod_roles = merge(local.app_roles, local.system_roles)
}
