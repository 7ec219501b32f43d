output "web_acl_arn" {
  description = "For an ingress that makes a load balancer of its own."
  value       = aws_wafv2_web_acl.this.arn
}

output "web_acl_name" {
  value = aws_wafv2_web_acl.this.name
}

output "balancer" {
  description = "The load balancer as CloudWatch names it, and its DNS name; null without a certificate."
  value = one([for lb in aws_lb.this : {
    dns_name     = lb.dns_name
    arn_suffix   = lb.arn_suffix
    target_group = aws_lb_target_group.ingress[0].arn_suffix
  }])
}
