# The bucket for pictures to enrol people with. Each picture is processed and deleted immediately; none is kept.

resource "google_storage_bucket" "enrolments" {
  project                     = var.project_id
  name                        = var.name
  location                    = var.region
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true

  versioning {
    enabled = false
  }

  # A deleted picture of a face must not be recoverable.
  soft_delete_policy {
    retention_duration_seconds = 0
  }

  dynamic "cors" {
    for_each = length(var.cors_origins) == 0 ? [] : [var.cors_origins]
    content {
      origin          = cors.value
      method          = ["PUT"]
      response_header = ["Content-Type", "x-goog-content-length-range"]
      max_age_seconds = 3600
    }
  }

  # Deletes pictures that no function could process for a day.
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age        = 1
      with_state = "ANY"
    }
  }

  dynamic "encryption" {
    for_each = var.kms_key == null ? [] : [var.kms_key]
    content {
      default_kms_key_name = encryption.value
    }
  }
}

resource "google_pubsub_topic_iam_member" "storage_publishes" {
  project = var.project_id
  topic   = var.topic
  role    = "roles/pubsub.publisher"
  member  = var.storage_service_agent
}

resource "google_storage_notification" "uploads" {
  bucket         = google_storage_bucket.enrolments.name
  topic          = var.topic
  payload_format = "JSON_API_V1"
  event_types    = ["OBJECT_FINALIZE"]

  depends_on = [google_pubsub_topic_iam_member.storage_publishes]
}

# A signed upload link grants what its signer may do.
resource "google_storage_bucket_iam_member" "uploader" {
  for_each = var.uploaders

  bucket = google_storage_bucket.enrolments.name
  role   = "roles/storage.objectCreator"
  member = each.value
}

resource "google_storage_bucket_iam_member" "looks_and_deletes" {
  for_each = var.readers

  bucket = google_storage_bucket.enrolments.name
  role   = var.reader_role
  member = each.value
}
