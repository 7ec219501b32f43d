output "arns" {
  description = "By purpose: data, cluster, backup, logs."
  value       = { for purpose, key in aws_kms_key.this : purpose => key.arn }
}

output "replica_arn" {
  description = "Key of the copies in the other region; null without copies."
  value       = one(aws_kms_key.replica[*].arn)
}
