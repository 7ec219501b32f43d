# A role for each service account, bound by pod identity: no keys in the cluster, and each may do what is listed only.
resource "aws_iam_role" "pod" {
  for_each = var.pod_roles
  name     = "${var.name}-pod-${each.key}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Principal = { Service = "pods.eks.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "pod" {
  for_each = { for name, role in var.pod_roles : name => role if role.policy != null }
  name     = "work"
  role     = aws_iam_role.pod[each.key].id
  policy   = each.value.policy
}

resource "aws_iam_role_policy_attachment" "pod" {
  for_each   = { for name, role in var.pod_roles : name => role if role.managed_policy != null }
  role       = aws_iam_role.pod[each.key].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/${each.value.managed_policy}"
}

resource "aws_eks_pod_identity_association" "this" {
  for_each        = var.pod_roles
  cluster_name    = aws_eks_cluster.this.name
  namespace       = each.value.namespace
  service_account = each.value.service_account
  role_arn        = aws_iam_role.pod[each.key].arn
}
