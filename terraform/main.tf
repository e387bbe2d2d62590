# What every part of the environment shares: names, the environment variables of all functions and jobs, APIs, topics.
# data.tf, functions.tf, analysis.tf and operations.tf follow a photo from the bucket to the search.

locals {
  labels = merge({ app = "photofinish", environment = var.environment }, var.labels)

  photo_bucket     = coalesce(var.buckets.photos, "${var.project_id}-photos")
  derived_bucket   = coalesce(var.buckets.derived, "${var.project_id}-derived")
  enrolment_bucket = coalesce(var.buckets.enrolments, "${var.project_id}-enrolments")

  key_secret = "photofinish-key-secret"

  # Class Settings in shared/photofinish/settings.py.
  env = {
    GOOGLE_CLOUD_PROJECT          = var.project_id
    PHOTOFINISH_REGION            = var.region
    PHOTOFINISH_PHOTO_BUCKET      = local.photo_bucket
    PHOTOFINISH_DERIVED_BUCKET    = local.derived_bucket
    PHOTOFINISH_ENROLMENT_BUCKET  = local.enrolment_bucket
    PHOTOFINISH_WORK_TOPIC        = var.topics.work
    PHOTOFINISH_WORK_SUBSCRIPTION = "photo-work-tasks"
    PHOTOFINISH_RESULTS_TOPIC     = var.topics.results
    PHOTOFINISH_JOB               = var.job_name
    PHOTOFINISH_MAX_GPU_TASKS     = tostring(var.analysis.max_tasks)
    PHOTOFINISH_PHOTOS_PER_TASK   = tostring(var.analysis.photos_per_task)
  }

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
  deploy_from_github = var.deploy_from_github
  state_bucket       = var.state_bucket
  # The placeholder is too short: functions refuse to start with it. The first deploy adds a random version
  # (ship/deploy.sh).
  secrets = { (local.key_secret) = { placeholder = "unset" } }
}

resource "google_pubsub_topic" "topic" {
  for_each = var.topics

  project                    = var.project_id
  name                       = each.value
  kms_key_name               = var.kms_key
  message_retention_duration = each.key == "dead" ? "604800s" : null

  message_storage_policy {
    allowed_persistence_regions = [var.region]
    enforce_in_transit          = false
  }

  depends_on = [module.foundation]
}
