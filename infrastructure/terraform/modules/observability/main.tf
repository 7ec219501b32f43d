data "aws_caller_identity" "current" {}

resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = var.key_arn
}

resource "aws_sns_topic_policy" "alarms" {
  arn = aws_sns_topic.alarms.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Alarms"
      Effect    = "Allow"
      Action    = "sns:Publish"
      Principal = { Service = ["cloudwatch.amazonaws.com", "backup.amazonaws.com"] }
      Resource  = aws_sns_topic.alarms.arn
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
}

resource "aws_sns_topic_subscription" "email" {
  for_each  = var.alarm_emails
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.key
}

# What the CloudWatch agent of the cluster writes to; made here first, or it would be made without retention and key.
resource "aws_cloudwatch_log_group" "containers" {
  for_each          = toset(["application", "dataplane", "host", "performance"])
  name              = "/aws/containerinsights/${var.cluster_name}/${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.key_arn
}

# Our services write JSON lines; the agent wraps them as log_processed.
resource "aws_cloudwatch_log_metric_filter" "errors" {
  name           = "${var.name}-errors"
  log_group_name = aws_cloudwatch_log_group.containers["application"].name
  pattern        = "{ $.log_processed.level = \"error\" }"
  metric_transformation {
    namespace = var.name
    name      = "Errors"
    value     = "1"
    unit      = "Count"
  }
}

locals {
  # missing: what no data means. A count that is not reported is zero; a gauge that is not reported is trouble.
  alarms = merge(
    {
      service-errors = {
        description = "Services log more errors than usual"
        namespace   = var.name, metric = "Errors", statistic = "Sum", dimensions = {}
        operator    = "GreaterThanThreshold", threshold = 50, periods = 3, missing = "notBreaching"
      }
      cluster-failed-nodes = {
        description = "A node of the cluster does not work"
        namespace   = "ContainerInsights", metric = "cluster_failed_node_count", statistic = "Maximum"
        dimensions  = { ClusterName = var.cluster_name }
        operator    = "GreaterThanThreshold", threshold = 0, periods = 2, missing = "breaching"
      }
      cluster-memory = {
        description = "Nodes are short of memory"
        namespace   = "ContainerInsights", metric = "node_memory_utilization", statistic = "Average"
        dimensions  = { ClusterName = var.cluster_name }
        operator    = "GreaterThanThreshold", threshold = 85, periods = 3, missing = "breaching"
      }
      backup-failed = {
        description = "A backup job failed"
        namespace   = "AWS/Backup", metric = "NumberOfBackupJobsFailed", statistic = "Sum", dimensions = {}
        operator    = "GreaterThanThreshold", threshold = 0, periods = 1, missing = "notBreaching"
      }
      waf-blocked = {
        description = "The WAF blocks far more than usual: an attack, or a rule that hits users"
        namespace   = "AWS/WAFV2", metric = "BlockedRequests", statistic = "Sum"
        dimensions  = { WebACL = var.web_acl_name, Region = var.region, Rule = "ALL" }
        operator    = "GreaterThanThreshold", threshold = 5000, periods = 1, missing = "notBreaching"
      }
    },
    var.database_identifier == null ? {} : {
      database-cpu = {
        description = "Database is short of CPU"
        namespace   = "AWS/RDS", metric = "CPUUtilization", statistic = "Average"
        dimensions  = { DBInstanceIdentifier = var.database_identifier }
        operator    = "GreaterThanThreshold", threshold = 85, periods = 3, missing = "breaching"
      }
      database-storage = {
        description = "Database has less than 10 GiB of storage left"
        namespace   = "AWS/RDS", metric = "FreeStorageSpace", statistic = "Minimum"
        dimensions  = { DBInstanceIdentifier = var.database_identifier }
        operator    = "LessThanThreshold", threshold = 10 * 1024 * 1024 * 1024, periods = 1, missing = "breaching"
      }
      database-transactions = {
        description = "Transaction ids of the database run out: vacuum does not keep up"
        namespace   = "AWS/RDS", metric = "MaximumUsedTransactionIDs", statistic = "Maximum"
        dimensions  = { DBInstanceIdentifier = var.database_identifier }
        operator    = "GreaterThanThreshold", threshold = 1000000000, periods = 1, missing = "notBreaching"
      }
    },
    merge([for node, id in var.cache_node_ids : {
      "redis-${node}-cpu" = {
        description = "Redis ${node} is short of CPU"
        namespace   = "AWS/ElastiCache", metric = "EngineCPUUtilization", statistic = "Average"
        dimensions  = { CacheClusterId = id }
        operator    = "GreaterThanThreshold", threshold = 80, periods = 3, missing = "breaching"
      }
      "redis-${node}-memory" = {
        description = "Redis ${node} is nearly full: the broker refuses tasks when it is"
        namespace   = "AWS/ElastiCache", metric = "DatabaseMemoryUsagePercentage", statistic = "Maximum"
        dimensions  = { CacheClusterId = id }
        # A cache may fill up, it evicts; a broker may not.
        operator = "GreaterThanThreshold", threshold = startswith(node, "broker") ? 75 : 95, periods = 2, missing = "breaching"
      }
    }]...),
    { for n, id in var.nat_gateway_ids : "nat-${n + 1}-ports" => {
      description = "NAT gateway has no ports left: connections out fail"
      namespace   = "AWS/NATGateway", metric = "ErrorPortAllocation", statistic = "Sum"
      dimensions  = { NatGatewayId = id }
      operator    = "GreaterThanThreshold", threshold = 0, periods = 2, missing = "notBreaching"
    } },
    var.balancer == null ? {} : {
      balancer-errors = {
        description = "Requests fail at the load balancer"
        namespace   = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count", statistic = "Sum"
        dimensions  = { LoadBalancer = try(var.balancer.arn_suffix, "") }
        operator    = "GreaterThanThreshold", threshold = 100, periods = 1, missing = "notBreaching"
      }
      balancer-no-target = {
        description = "No node takes requests"
        namespace   = "AWS/ApplicationELB", metric = "HealthyHostCount", statistic = "Minimum"
        dimensions  = { LoadBalancer = try(var.balancer.arn_suffix, ""), TargetGroup = try(var.balancer.target_group, "") }
        operator    = "LessThanThreshold", threshold = 1, periods = 1, missing = "breaching"
      }
    },
  )
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each            = local.alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  statistic           = each.value.statistic
  dimensions          = each.value.dimensions
  comparison_operator = each.value.operator
  threshold           = each.value.threshold
  period              = 300
  evaluation_periods  = each.value.periods
  treat_missing_data  = each.value.missing
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}
