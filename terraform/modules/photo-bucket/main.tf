# The bucket of original photos, the bucket of derived objects, and the notifications that start the analysis.

resource "google_storage_bucket" "photos" {
  project                     = var.project_id
  name                        = var.name
  location                    = var.region
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = var.force_destroy

  versioning {
    enabled = true
  }

  soft_delete_policy {
    retention_duration_seconds = var.retention.soft_deleted_days * 24 * 3600
  }

  dynamic "cors" {
    for_each = length(var.cors_origins) == 0 ? [] : [var.cors_origins]
    content {
      origin = cors.value
      method = ["GET", "HEAD", "PUT", "POST"]
      # Also those that a page may send, and read of the answers to the parts of a resumable upload.
      response_header = [
        "Content-Range", "Content-Type", "ETag", "Location", "Range", "x-goog-content-length-range", "x-goog-generation",
        "x-goog-if-generation-match", "x-goog-meta-announced-crc32c", "x-goog-meta-announced-size", "x-goog-resumable",
      ]
      max_age_seconds = 3600
    }
  }

  dynamic "lifecycle_rule" {
    for_each = var.retention.originals_days == 0 ? [] : [var.retention.originals_days]
    content {
      action {
        type = "Delete"
      }
      condition {
        age        = lifecycle_rule.value
        with_state = "LIVE"
      }
    }
  }

  dynamic "lifecycle_rule" {
    for_each = var.retention.noncurrent_days == 0 ? [] : [var.retention.noncurrent_days]
    content {
      action {
        type = "Delete"
      }
      condition {
        days_since_noncurrent_time = lifecycle_rule.value
        with_state                 = "ARCHIVED"
      }
    }
  }

  # Removes the remains of interrupted uploads.
  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age        = 7
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

# Derived objects are immutable, named by generation and pipeline version, and can be recreated: no versions are kept.
resource "google_storage_bucket" "derived" {
  project                     = var.project_id
  name                        = var.derived_name
  location                    = var.region
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = var.force_destroy

  versioning {
    enabled = false
  }

  soft_delete_policy {
    retention_duration_seconds = var.retention.soft_deleted_days * 24 * 3600
  }

  dynamic "lifecycle_rule" {
    for_each = var.retention.derived_days == 0 ? [] : [var.retention.derived_days]
    content {
      action {
        type = "Delete"
      }
      condition {
        age        = lifecycle_rule.value
        with_state = "LIVE"
      }
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
  topic   = var.upload_topic
  role    = "roles/pubsub.publisher"
  member  = var.storage_service_agent
}

resource "google_pubsub_topic_iam_member" "storage_publishes_deletions" {
  project = var.project_id
  topic   = var.deletion_topic
  role    = "roles/pubsub.publisher"
  member  = var.storage_service_agent
}

resource "google_storage_notification" "uploads" {
  bucket         = google_storage_bucket.photos.name
  topic          = var.upload_topic
  payload_format = "JSON_API_V1"
  event_types    = ["OBJECT_FINALIZE"]

  depends_on = [google_pubsub_topic_iam_member.storage_publishes]
}

# OBJECT_ARCHIVE: a live object was deleted or overwritten, by a user or by the lifecycle, and is kept as a noncurrent
# version. OBJECT_DELETE: a version was deleted for good (docs.cloud.google.com/storage/docs/pubsub-notifications#events).
resource "google_storage_notification" "deletions" {
  bucket         = google_storage_bucket.photos.name
  topic          = var.deletion_topic
  payload_format = "JSON_API_V1"
  event_types    = ["OBJECT_ARCHIVE", "OBJECT_DELETE"]

  depends_on = [google_pubsub_topic_iam_member.storage_publishes_deletions]
}

resource "google_storage_bucket_iam_member" "reader" {
  for_each = var.readers

  bucket = google_storage_bucket.photos.name
  role   = "roles/storage.objectViewer"
  member = each.value
}

resource "google_storage_bucket_iam_member" "uploader" {
  for_each = var.uploaders

  bucket = google_storage_bucket.photos.name
  role   = "roles/storage.objectCreator"
  member = each.value
}

resource "google_storage_bucket_iam_member" "prefix_uploader" {
  for_each = var.prefix_uploaders

  bucket = google_storage_bucket.photos.name
  role   = "roles/storage.objectCreator"
  member = each.value.member

  condition {
    title      = "only in ${each.value.prefix}"
    expression = "resource.name.startsWith(\"projects/_/buckets/${google_storage_bucket.photos.name}/objects/${each.value.prefix}\")"
  }
}

# Writers create objects only if they do not exist yet. With objectCreator a repeated write gets 403 instead of "exists
# already", and the photo would fail forever; objectUser gets the right answer.
resource "google_storage_bucket_iam_member" "derived_writer" {
  for_each = var.derived_writers

  bucket = google_storage_bucket.derived.name
  role   = "roles/storage.objectUser"
  member = each.value
}

resource "google_storage_bucket_iam_member" "eraser" {
  for_each = var.erasers

  bucket = google_storage_bucket.photos.name
  role   = var.eraser_role
  member = each.value
}

# Erasing a face rewrites sidecars, and previews are renamed to end links to them.
resource "google_storage_bucket_iam_member" "derived_eraser" {
  for_each = var.erasers

  bucket = google_storage_bucket.derived.name
  role   = "roles/storage.objectUser"
  member = each.value
}

resource "google_storage_bucket_iam_member" "derived_reader" {
  for_each = var.derived_readers

  bucket = google_storage_bucket.derived.name
  role   = "roles/storage.objectViewer"
  member = each.value
}
