# Availability first: three zones, nothing that is there once only, copies in another region.
environment    = "production"
region         = "eu-central-1"
replica_region = "eu-west-1"

vpc_cidr            = "10.20.0.0/16"
zone_count          = 3
nat_per_zone        = true
interface_endpoints = ["ecr.api", "ecr.dkr", "kms", "logs", "secretsmanager", "sts"]

kubernetes_version = "1.33"
general_nodes = {
  instance_types = ["m6i.xlarge"]
  min            = 3
  max            = 20
  disk_gib       = 80
}
spot_nodes = {
  instance_types = ["m6i.xlarge", "m5.xlarge", "m5a.xlarge", "c6i.2xlarge"]
  max            = 20
  disk_gib       = 80
}
gpu_nodes = {
  instance_types = ["g5.xlarge"]
  max            = 5
  disk_gib       = 200
}

database_mode = "rds"
timescaledb   = false
database = {
  instance_class  = "db.r6g.xlarge"
  storage_gib     = 400
  storage_max_gib = 2000
  multi_az        = true
  backup_days     = 30
}
cache = {
  node_type = "cache.r7g.large"
  replicas  = 2
}
cross_region_copies = true
deletion_protection = true

waf_requests_per_5_minutes = 10000

image_registry = true

log_retention_days = 180
