output "name" {
  value = aws_eks_cluster.this.name
}

output "arn" {
  value = aws_eks_cluster.this.arn
}

output "endpoint" {
  value = aws_eks_cluster.this.endpoint
}

output "security_group_id" {
  description = "Carried by the control plane, the nodes and the pods."
  value       = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
}

output "node_group_names" {
  value = keys(aws_eks_node_group.this)
}

output "general_autoscaling_group" {
  description = "Nodes that take the load balancer's requests."
  value       = aws_eks_node_group.this["general"].resources[0].autoscaling_groups[0].name
}
