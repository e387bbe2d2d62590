# Where data is stored: photos, enrolment pictures, documents and face embeddings.

# Cloud Storage's predefined roles that may delete may also write.
resource "google_project_iam_custom_role" "deletes_objects" {
  project     = module.foundation.project_id
  role_id     = "photofinishDeletesObjects"
  title       = "Read, list and delete objects"
  permissions = ["storage.objects.delete", "storage.objects.get", "storage.objects.list"]
}

module "photo_bucket" {
  source = "./modules/photo-bucket"

  project_id            = module.foundation.project_id
  region                = var.region
  name                  = local.photo_bucket
  derived_name          = local.derived_bucket
  upload_topic          = local.topic["uploads"]
  deletion_topic        = local.topic["deletions"]
  storage_service_agent = module.foundation.service_agents.storage
  retention             = var.retention
  cors_origins          = var.upload_origins
  # A signed upload may do what its signer may: the API signs those of batches.
  uploaders        = merge(var.uploaders, { batches = module.http_function["api"].member })
  prefix_uploaders = { smoke_test = { member = module.foundation.deployer.member, prefix = "smoke-test/" } }
  kms_key          = module.foundation.kms_key
  force_destroy    = !var.deletion_protection

  # A signed link to an original grants what its signer may read, and the API streams ZIPs of originals.
  readers = {
    analyze     = google_service_account.analyze.member
    api         = module.http_function["api"].member
    reconcile   = module.event_function["reconcile"].member
    rekognition = module.http_function["rekognition"].member
  }
  derived_writers = { analyze = google_service_account.analyze.member }
  erasers         = { expire = module.event_function["expire"].member }
  eraser_role     = google_project_iam_custom_role.deletes_objects.name
  # Sidecars are read again when bib rules change. A signed link to a preview grants what its signer may read.
  derived_readers = {
    api          = module.http_function["api"].member
    rescore-bibs = module.event_function["rescore-bibs"].member
  }
}

module "enrolment_bucket" {
  source = "./modules/enrolment-bucket"

  project_id            = module.foundation.project_id
  region                = var.region
  name                  = local.enrolment_bucket
  topic                 = local.topic["enrolments"]
  storage_service_agent = module.foundation.service_agents.storage
  cors_origins          = var.upload_origins
  uploaders             = { api = module.http_function["api"].member }
  readers = {
    on_enrolment_finalized = module.event_function["on-enrolment-finalized"].member
    # Erases the enrolment pictures of albums that ended.
    expire = module.event_function["expire"].member
  }
  reader_role = google_project_iam_custom_role.deletes_objects.name
  kms_key     = module.foundation.kms_key
}

module "firestore" {
  source = "./modules/firestore"

  project_id          = module.foundation.project_id
  location            = var.region
  indexes_file        = "${path.module}/firestore/firestore.indexes.json"
  rules_file          = "${path.module}/firestore/firestore.rules"
  backup_keep_days    = var.backup_keep_days
  kms_key             = module.foundation.firestore_kms_key
  deletion_protection = var.deletion_protection
  # Status reports of running tasks: a killed task cannot delete its own.
  ttl_fields = { reports = "expires_at" }
}

module "vector_database" {
  source = "./modules/vector-database"

  project_id = module.foundation.project_id
  region     = var.region
  instance   = var.database
  backup     = { keep = var.backup_keep_days }
  owner      = google_service_account.analyze
  users = {
    for name, function in merge(module.event_function, module.http_function) : name => {
      email  = function.email
      rights = lookup({ api = "administration", rekognition = "api", live = "live", expire = "retention", deliver-webhooks = "webhooks" }, name, "data")
    }
    if can(local.function_env[name].DATABASE_URL)
  }
  # Checked by the API alone.
  serves_firebase_users = var.search.firebase_project != null

  proxy               = merge({ image = var.database_proxy_image }, local.proxy)
  migration           = { image = var.first_images.job, env = merge(local.env, { PHOTOFINISH_DATABASE_WAIT_S = local.database_wait_s }) }
  deployers           = { deployer = module.foundation.migrates }
  kms_key             = module.foundation.kms_key
  deletion_protection = var.deletion_protection
}
