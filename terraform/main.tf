# What every part of the environment shares: names, the environment variables of all functions and jobs, APIs, topics.
# data.tf, functions.tf, analysis.tf and operations.tf follow a photo from the bucket to the search.

locals {
  labels = merge({ app = "photofinish", environment = var.environment }, var.labels)

  photo_bucket     = coalesce(var.buckets.photos, "${var.project_id}-photos")
  derived_bucket   = coalesce(var.buckets.derived, "${var.project_id}-derived")
  enrolment_bucket = coalesce(var.buckets.enrolments, "${var.project_id}-enrolments")
  audit_bucket     = coalesce(var.buckets.audit, "${var.project_id}-audit")

  # One secret for each use, so that reading one does not allow what the others allow.
  key_secret   = "photofinish-key-secret"
  token_secret = "photofinish-token-secret"
  pepper       = "photofinish-pepper"
  receipt_key  = "photofinish-receipt-key"
  webhook_key  = "photofinish-webhook-key"

  # Class Settings in shared/photofinish/settings.py.
  env = {
    GOOGLE_CLOUD_PROJECT          = var.project_id
    PHOTOFINISH_REGION            = var.region
    PHOTOFINISH_PHOTO_BUCKET      = local.photo_bucket
    PHOTOFINISH_DERIVED_BUCKET    = local.derived_bucket
    PHOTOFINISH_ENROLMENT_BUCKET  = local.enrolment_bucket
    PHOTOFINISH_WORK_TOPIC        = var.topics.work
    PHOTOFINISH_WORK_SUBSCRIPTION = "photo-work-tasks"
    PHOTOFINISH_BULK_TOPIC        = var.topics.bulk
    PHOTOFINISH_BULK_SUBSCRIPTION = "photo-work-bulk-tasks"
    PHOTOFINISH_RESULTS_TOPIC     = var.topics.results
    PHOTOFINISH_RETENTION_TOPIC   = var.topics.retention
    PHOTOFINISH_WEBHOOKS_TOPIC    = var.topics.webhooks
    PHOTOFINISH_PROCESSOR         = var.analysis.processor
    PHOTOFINISH_JOB               = var.job_name
    PHOTOFINISH_CPU_JOB           = "${var.job_name}-cpu"
    PHOTOFINISH_MAX_GPU_TASKS     = tostring(var.analysis.max_tasks)
    PHOTOFINISH_PHOTOS_PER_TASK   = tostring(var.analysis.photos_per_task)
  }

  # Direct VPC egress may need a minute or more after an instance has started
  # (docs.cloud.google.com/run/docs/configuring/vpc-direct-vpc, limitations).
  database_wait_s = "90"

  # Full topic names, built from values that are known at plan time.
  topic = { for key, topic in google_pubsub_topic.topic : key => "projects/${topic.project}/topics/${topic.name}" }

  # Folder of the operator's own models in both images (see the Dockerfiles).
  own_models = "/models/own"
}

module "foundation" {
  source = "./modules/foundation"

  project_id         = var.project_id
  region             = var.region
  kms_key            = var.kms_key
  firestore_kms_key  = var.firestore_kms_key
  deploy_from_github = var.deploy_from_github
  state_bucket       = coalesce(var.state_bucket, "${var.project_id}-terraform-state")
  # The placeholder is too short: what needs a secret refuses it. The first deploy adds a random version (ship/deploy.sh).
  secrets = { for secret in [local.key_secret, local.token_secret, local.pepper, local.receipt_key, local.webhook_key] : secret => { placeholder = "unset" } }
}

resource "google_pubsub_topic" "topic" {
  for_each = var.topics

  project                    = module.foundation.project_id
  name                       = each.value
  kms_key_name               = module.foundation.kms_key
  message_retention_duration = each.key == "dead" ? "604800s" : null

  message_storage_policy {
    allowed_persistence_regions = [var.region]
    enforce_in_transit          = false
  }
}
