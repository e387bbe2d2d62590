# Most of what can be decided, in one file to copy from.
project_id   = "my-races-prod"
region       = "europe-west4"
environment  = "prod"
labels       = { team = "photos" }
alert_emails = { on-call = "on-call@example.com", boss = "boss@example.com" }

buckets = {
  photos  = "my-races-originals"
  derived = "my-races-made-of-them"
}

analysis = {
  processor       = "gpu"
  cpu             = 8
  memory_gib      = 32
  max_tasks       = 3
  photos_per_task = 500
  batch_size      = 16
}

search = {
  exposure         = "load_balancer"
  domain           = "find-me.example.com"
  min_instances    = 2
  max_instances    = 20
  requests_per_min = 60
}

database = {
  version                  = "POSTGRES_18"
  tier                     = "db-custom-8-32768"
  disk_gib                 = 100
  high_availability        = true
  maintenance_work_mem_mib = 8192
}

retention = {
  originals_days = 365
  derived_days   = 365
}

backup_keep_days   = 30
upload_origins     = ["https://photos.example.com"]
uploaders          = { photographers = "group:photographers@example.com" }
kms_key            = "projects/my-keys/locations/europe-west4/keyRings/photofinish/cryptoKeys/data"
deploy_from_github = { repository = "someone/photofinish" }

budget = {
  billing_account = "012345-6789AB-CDEF01"
  amount          = 1000
  stop_at         = 1.2
}
