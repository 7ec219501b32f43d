# The public door, made when there is a certificate: WAF, then the ingress controller's node port in the cluster.
locals {
  door = var.certificate_arn == "" ? [] : [true]
}

resource "aws_security_group" "balancer" {
  count       = length(local.door)
  name        = "${var.name}-balancer"
  description = "Load balancer, reached from everywhere"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-balancer" }
}

resource "aws_vpc_security_group_ingress_rule" "world" {
  for_each          = length(local.door) > 0 ? { http = 80, https = 443 } : {}
  security_group_id = aws_security_group.balancer[0].id
  description       = each.key
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
}

resource "aws_vpc_security_group_egress_rule" "cluster" {
  count                        = length(local.door)
  security_group_id            = aws_security_group.balancer[0].id
  description                  = "Ingress controller"
  referenced_security_group_id = var.cluster_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = var.ingress_node_port
  to_port                      = var.ingress_node_port
}

resource "aws_vpc_security_group_ingress_rule" "cluster" {
  count                        = length(local.door)
  security_group_id            = var.cluster_security_group_id
  description                  = "Ingress controller from the load balancer"
  referenced_security_group_id = aws_security_group.balancer[0].id
  ip_protocol                  = "tcp"
  from_port                    = var.ingress_node_port
  to_port                      = var.ingress_node_port
}

resource "aws_lb" "this" {
  count                      = length(local.door)
  name                       = var.name
  load_balancer_type         = "application"
  subnets                    = var.public_subnet_ids
  security_groups            = [aws_security_group.balancer[0].id]
  drop_invalid_header_fields = true
  enable_deletion_protection = var.deletion_protection
  # Live updates are quiet for longer than the usual minute.
  idle_timeout = 120

  access_logs {
    bucket  = var.logs_bucket
    prefix  = "balancer"
    enabled = true
  }
}

resource "aws_lb_target_group" "ingress" {
  count    = length(local.door)
  name     = "${var.name}-ingress"
  vpc_id   = var.vpc_id
  port     = var.ingress_node_port
  protocol = "HTTPS"
  # Longer than a pod's readiness takes to be noticed, so that a roll-out loses no request.
  deregistration_delay = 30

  health_check {
    protocol            = "HTTPS"
    path                = "/healthz"
    matcher             = "200-404"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_autoscaling_attachment" "ingress" {
  count                  = length(local.door)
  autoscaling_group_name = var.autoscaling_group
  lb_target_group_arn    = aws_lb_target_group.ingress[0].arn
}

resource "aws_lb_listener" "http" {
  count             = length(local.door)
  load_balancer_arn = aws_lb.this[0].arn
  port              = 80
  protocol          = "HTTP"
  default_action {
    type = "redirect"
    redirect {
      port        = "443"
      protocol    = "HTTPS"
      status_code = "HTTP_301"
    }
  }
}

resource "aws_lb_listener" "https" {
  count             = length(local.door)
  load_balancer_arn = aws_lb.this[0].arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate_arn
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.ingress[0].arn
  }
}

resource "aws_wafv2_web_acl_association" "balancer" {
  count        = length(local.door)
  resource_arn = aws_lb.this[0].arn
  web_acl_arn  = aws_wafv2_web_acl.this.arn
}
