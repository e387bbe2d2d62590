# Where data is stored: photos, enrolment pictures, documents and face embeddings.

module "photo_bucket" {
  source = "./modules/photo-bucket"

  project_id            = var.project_id
  region                = var.region
  name                  = local.photo_bucket
  derived_name          = local.derived_bucket
  upload_topic          = local.topic["uploads"]
  storage_service_agent = module.foundation.service_agents.storage
  retention             = var.retention
  cors_origins          = var.upload_origins
  uploaders             = merge(var.uploaders, { smoke_test = module.foundation.deployer.member })
  kms_key               = var.kms_key
  force_destroy         = !var.deletion_protection

  readers = {
    analyze     = google_service_account.analyze.member
    reconcile   = module.event_function["reconcile"].member
    rekognition = module.http_function["rekognition"].member
  }
  derived_writers = { analyze = google_service_account.analyze.member }
  # A signed link to a preview grants what its signer may read.
  derived_readers = { api = module.http_function["api"].member }

  depends_on = [module.foundation]
}

module "enrolment_bucket" {
  source = "./modules/enrolment-bucket"

  project_id            = var.project_id
  region                = var.region
  name                  = local.enrolment_bucket
  topic                 = local.topic["enrolments"]
  storage_service_agent = module.foundation.service_agents.storage
  cors_origins          = var.upload_origins
  uploaders             = { api = module.http_function["api"].member }
  readers               = { on_enrolment_finalized = module.event_function["on-enrolment-finalized"].member }
  kms_key               = var.kms_key

  depends_on = [module.foundation]
}

module "firestore" {
  source = "./modules/firestore"

  project_id          = var.project_id
  location            = var.region
  indexes_file        = "${path.module}/firestore/firestore.indexes.json"
  rules_file          = "${path.module}/firestore/firestore.rules"
  backup_keep_days    = var.backup_keep_days
  kms_key             = var.kms_key
  deletion_protection = var.deletion_protection
  # Status reports of running tasks: a killed task cannot delete its own.
  ttl_fields = { reports = "expires_at" }

  depends_on = [module.foundation]
}

module "vector_database" {
  source = "./modules/vector-database"

  project_id = var.project_id
  region     = var.region
  instance   = var.database
  backup     = { keep = var.backup_keep_days }
  owner      = google_service_account.analyze
  users = {
    for name, function in merge(module.event_function, module.http_function) : name => function.email
    if can(local.function_env[name].DATABASE_URL)
  }
  proxy_image         = var.database_proxy_image
  migration           = { image = var.first_images.job, env = local.env }
  deployers           = { deployer = module.foundation.deployer.member }
  kms_key             = var.kms_key
  deletion_protection = var.deletion_protection

  depends_on = [module.foundation]
}
