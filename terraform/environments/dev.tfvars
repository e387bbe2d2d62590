# A small, cheap environment for trying things out. All of it may be deleted.
project_id          = "photofinish-dev"
region              = "europe-west1"
environment         = "dev"
alert_emails        = { operator = "operator@example.com" }
deletion_protection = false
backup_keep_days    = 7

search = {
  exposure = "direct"
}

database = {
  tier                     = "db-custom-1-3840"
  disk_gib                 = 10
  maintenance_work_mem_mib = 512
}

retention = {
  originals_days = 30
  derived_days   = 30
}
