data "aws_partition" "current" {}

resource "aws_backup_vault" "this" {
  name          = var.name
  kms_key_arn   = var.key_arn
  force_destroy = !var.deletion_protection
}

# Nobody deletes a recovery point before its time, not even the account's administrator by mistake.
resource "aws_backup_vault_lock_configuration" "this" {
  count              = var.deletion_protection ? 1 : 0
  backup_vault_name  = aws_backup_vault.this.name
  min_retention_days = 7
  max_retention_days = 366
}

resource "aws_backup_vault" "replica" {
  count         = var.cross_region_copies ? 1 : 0
  provider      = aws.replica
  name          = "${var.name}-copies"
  kms_key_arn   = var.replica_key_arn
  force_destroy = !var.deletion_protection
}

resource "aws_backup_vault_notifications" "this" {
  backup_vault_name   = aws_backup_vault.this.name
  sns_topic_arn       = var.topic_arn
  backup_vault_events = ["BACKUP_JOB_FAILED", "COPY_JOB_FAILED", "RESTORE_JOB_COMPLETED"]
}

locals {
  rules = {
    daily   = { schedule = "cron(0 3 * * ? *)", days = 30 }
    monthly = { schedule = "cron(0 4 1 * ? *)", days = 365 }
  }
}

resource "aws_backup_plan" "this" {
  name = var.name
  dynamic "rule" {
    for_each = local.rules
    content {
      rule_name         = rule.key
      target_vault_name = aws_backup_vault.this.name
      schedule          = rule.value.schedule
      start_window      = 60
      completion_window = 360
      lifecycle { delete_after = rule.value.days }
      dynamic "copy_action" {
        for_each = aws_backup_vault.replica
        content {
          destination_vault_arn = copy_action.value.arn
          lifecycle { delete_after = rule.value.days }
        }
      }
    }
  }
}

resource "aws_iam_role" "backup" {
  name = "${var.name}-backup"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "backup.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "backup" {
  for_each   = toset(["AWSBackupServiceRolePolicyForBackup", "AWSBackupServiceRolePolicyForRestores"])
  role       = aws_iam_role.backup.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/${each.key}"
}

# The database carries the tag, and so do the volumes that the cluster's storage class makes.
resource "aws_backup_selection" "tagged" {
  name         = "tagged"
  plan_id      = aws_backup_plan.this.id
  iam_role_arn = aws_iam_role.backup.arn
  selection_tag {
    type  = "STRINGEQUALS"
    key   = "Backup"
    value = var.name
  }
}
