output "address" {
  value = aws_db_instance.this.address
}

output "identifier" {
  value = aws_db_instance.this.identifier
}

output "password_secret_arn" {
  description = "Secret in which RDS keeps and rotates the administrator's password."
  value       = one(aws_db_instance.this.master_user_secret[*].secret_arn)
}
