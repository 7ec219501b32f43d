output "vault_name" {
  value = aws_backup_vault.this.name
}

output "replica_vault_arn" {
  description = "Null without copies."
  value       = one(aws_backup_vault.replica[*].arn)
}
