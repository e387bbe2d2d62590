# Most settings in one file, to copy from.
project_id   = "my-races-prod"
region       = "europe-west1"
environment  = "prod"
labels       = { team = "photos" }
alert_emails = { on-call = "on-call@example.com", boss = "boss@example.com" }

buckets = {
  photos     = "my-races-originals"
  derived    = "my-races-derived"
  enrolments = "my-races-enrolments"
  engines    = "my-races-engines"
}

run_quota = {
  vcpu       = 100
  memory_gib = 200
  l4         = 3
}

max_instances = {
  on-object-finalized    = 10
  on-dead-letter         = 2
  cluster-people         = 5
  on-enrolment-finalized = 5
}

analysis = {
  processor       = "gpu"
  cpu             = 6
  memory_gib      = 24
  max_tasks       = 3
  photos_per_task = 500
  batch_size      = 16
}

models = {
  face_pack            = "buffalo_l"
  accept_noncommercial = true
  bib_detector         = "bibs.onnx"
  text_engine          = "paddleocr"
  paddle_models        = "paddle"
  provider             = "tensorrt"
  fp16                 = true
  label_search         = true
  picture_pair         = "siglip"
}

search = {
  exposure           = "load_balancer"
  domain             = "find-me.example.com"
  rekognition_domain = "rekognition.example.com"
  cors_origins       = ["https://photos.example.com"]
  firebase_project   = "my-races-app"
  link_key_secret    = "projects/my-races-prod/secrets/photofinish-link-key"
  min_instances      = 2
  max_instances      = 10
  requests_per_min   = 1200
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
  audit_days     = 730
  event_days     = 730
}

backup_keep_days   = 30
upload_origins     = ["https://photos.example.com"]
uploaders          = { photographers = "group:photographers@example.com" }
kms_key            = "projects/my-keys/locations/europe-west1/keyRings/photofinish/cryptoKeys/data"
firestore_kms_key  = "projects/my-keys/locations/europe-west1/keyRings/photofinish/cryptoKeys/documents"
deploy_from_github = { repository = "someone/photofinish" }

budget = {
  billing_account = "012345-6789AB-CDEF01"
  amount          = 1000
  stop_at         = 1.2
}

notifications = {
  channels    = ["email", "fcm", "webhook"]
  public_url  = "https://find-me.example.com"
  fcm_project = "my-races-app"
  smtp = {
    host            = "smtp.example.com"
    from            = "photos@example.com"
    user            = "photos"
    password_secret = "projects/my-races-prod/secrets/photofinish-smtp-password"
  }
}
