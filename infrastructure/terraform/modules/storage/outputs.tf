output "names" {
  description = "By purpose: models, uploads, exports, backups."
  value       = { for purpose, bucket in aws_s3_bucket.this : purpose => bucket.bucket }
}

output "arns" {
  value = { for purpose, bucket in aws_s3_bucket.this : purpose => bucket.arn }
}

output "replica_names" {
  description = "Buckets in the other region that hold copies, by purpose."
  value       = { for purpose, bucket in aws_s3_bucket.replica : purpose => bucket.bucket }
}

output "logs_name" {
  description = "Bucket of access logs; known once those who deliver may write."
  value       = aws_s3_bucket_policy.logs.bucket
}
