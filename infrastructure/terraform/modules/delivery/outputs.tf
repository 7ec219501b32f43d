output "repositories" {
  description = "Addresses to push to, by image."
  value       = { for image, repository in aws_ecr_repository.this : image => repository.repository_url }
}

output "role_arns" {
  description = "Roles of the workflows: build, deploy, observe."
  value       = { for role, it in aws_iam_role.github : role => it.arn }
}
