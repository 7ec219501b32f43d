# Cost first: one NAT gateway, one database, small nodes, no copies. It may be lost and made again.
environment    = "staging"
region         = "eu-central-1"
replica_region = "eu-west-1"

vpc_cidr            = "10.30.0.0/16"
zone_count          = 2
nat_per_zone        = false
interface_endpoints = []

kubernetes_version = "1.33"
general_nodes = {
  instance_types = ["t3.large"]
  min            = 3
  max            = 5
  disk_gib       = 40
}
spot_nodes = {
  instance_types = ["t3.large", "t3a.large", "m5.large"]
  max            = 5
  disk_gib       = 40
}
gpu_nodes = {
  instance_types = ["g4dn.xlarge"]
  max            = 1
  disk_gib       = 100
}

database_mode = "rds"
timescaledb   = false
database = {
  instance_class  = "db.t4g.medium"
  storage_gib     = 20
  storage_max_gib = 100
  multi_az        = false
  backup_days     = 7
}
cache = {
  node_type = "cache.t4g.micro"
  replicas  = 0
}
cross_region_copies = false
deletion_protection = false

waf_requests_per_5_minutes = 5000

image_registry = false

log_retention_days = 14
