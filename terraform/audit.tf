# The bucket of the audit's anchors: hashes by which `photofinish audit verify` finds changed, removed and added entries.
# Nothing in it can be changed or deleted while the retention policy lasts; once that is locked, not even by an owner.

resource "google_storage_bucket" "audit" {
  project                     = module.foundation.project_id
  name                        = local.audit_bucket
  location                    = var.region
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  versioning {
    enabled = false # a retention policy and versions exclude each other's purpose: no anchor is ever overwritten
  }

  retention_policy {
    retention_period = var.audit.anchors_days * 24 * 3600
    is_locked        = var.audit.is_locked
  }

  dynamic "encryption" {
    for_each = module.foundation.kms_key == null ? [] : [module.foundation.kms_key]
    content {
      default_kms_key_name = encryption.value
    }
  }
}

# `expire` reads the newest anchor and adds the next. Creating does not include overwriting or deleting.
resource "google_storage_bucket_iam_member" "anchors" {
  for_each = toset(["roles/storage.objectCreator", "roles/storage.objectViewer"])

  bucket = google_storage_bucket.audit.name
  role   = each.value
  member = module.event_function["expire"].member
}
