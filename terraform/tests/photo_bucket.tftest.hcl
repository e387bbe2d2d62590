# The photo and derived buckets, who may do what in them, and the notifications.

mock_provider "google" {}

variables {
  project_id            = "my-project"
  region                = "europe-west1"
  name                  = "my-project-photos"
  derived_name          = "my-project-derived"
  upload_topic          = "projects/my-project/topics/photo-uploads"
  deletion_topic        = "projects/my-project/topics/photo-deletions"
  storage_service_agent = "serviceAccount:storage-agent"
  eraser_role           = "projects/my-project/roles/deletesObjects"
}

run "defaults" {
  module {
    source = "./modules/photo-bucket"
  }

  assert {
    condition     = alltrue([for bucket in [google_storage_bucket.photos, google_storage_bucket.derived] : bucket.uniform_bucket_level_access && bucket.public_access_prevention == "enforced" && !bucket.force_destroy])
    error_message = "Buckets are private, and are not deleted while they contain photos."
  }
  assert {
    condition     = google_storage_bucket.photos.versioning[0].enabled && !google_storage_bucket.derived.versioning[0].enabled
    error_message = "Originals are versioned; derived objects, which can be recreated, are not."
  }
  assert {
    condition     = google_storage_notification.uploads.topic == "projects/my-project/topics/photo-uploads" && google_storage_notification.uploads.payload_format == "JSON_API_V1" && google_storage_notification.uploads.event_types == toset(["OBJECT_FINALIZE"])
    error_message = "The topic of uploads is notified of every created object, and of nothing else."
  }
  assert {
    condition     = google_storage_notification.deletions.topic == "projects/my-project/topics/photo-deletions" && google_storage_notification.deletions.payload_format == "JSON_API_V1" && google_storage_notification.deletions.event_types == toset(["OBJECT_ARCHIVE", "OBJECT_DELETE"])
    error_message = "A live object that is deleted or overwritten in a bucket with versions sends OBJECT_ARCHIVE, and a version that is deleted for good OBJECT_DELETE."
  }
  assert {
    condition     = length(google_storage_bucket_iam_member.eraser) == 0 && length(google_storage_bucket_iam_member.derived_eraser) == 0
    error_message = "By default no member may delete objects."
  }
  assert {
    condition     = google_pubsub_topic_iam_member.storage_publishes.member == "serviceAccount:storage-agent" && google_pubsub_topic_iam_member.storage_publishes.role == "roles/pubsub.publisher"
    error_message = "Cloud Storage must be allowed to publish."
  }
  assert {
    condition     = length(google_storage_bucket.photos.cors) == 0 && length(google_storage_bucket_iam_member.reader) == 0 && length(google_storage_bucket_iam_member.uploader) == 0
    error_message = "By default no member has access and no web page may upload."
  }
  assert {
    condition     = length([for rule in google_storage_bucket.photos.lifecycle_rule : rule if one(rule.condition).with_state == "LIVE"]) == 0
    error_message = "By default originals are kept forever."
  }
}

run "grants_and_options" {
  module {
    source = "./modules/photo-bucket"
  }
  variables {
    readers          = { job = "serviceAccount:job" }
    uploaders        = { someone = "user:someone@example.com" }
    prefix_uploaders = { smoke_test = { member = "serviceAccount:deployer", prefix = "smoke-test/" } }
    derived_writers  = { job = "serviceAccount:job" }
    derived_readers  = { app = "serviceAccount:app" }
    erasers          = { expire = "serviceAccount:expire" }
    cors_origins     = ["https://photos.example.com"]
    retention        = { originals_days = 90, derived_days = 60 }
  }

  assert {
    condition     = endswith(google_storage_bucket_iam_member.prefix_uploader["smoke_test"].condition[0].expression, "/objects/smoke-test/\")") && google_storage_bucket_iam_member.prefix_uploader["smoke_test"].role == "roles/storage.objectCreator"
    error_message = "An uploader by prefix adds nothing elsewhere."
  }
  assert {
    condition     = google_storage_bucket_iam_member.reader["job"].role == "roles/storage.objectViewer" && google_storage_bucket_iam_member.reader["job"].bucket == "my-project-photos"
    error_message = "Readers read originals."
  }
  assert {
    condition     = google_storage_bucket_iam_member.uploader["someone"].role == "roles/storage.objectCreator"
    error_message = "Uploaders may add, but neither read nor replace."
  }
  assert {
    condition     = google_storage_bucket_iam_member.derived_writer["job"].bucket == "my-project-derived" && google_storage_bucket_iam_member.derived_writer["job"].role == "roles/storage.objectUser" && google_storage_bucket_iam_member.derived_reader["app"].role == "roles/storage.objectViewer"
    error_message = "The job writes derived objects, and apps read them."
  }
  assert {
    condition     = google_storage_bucket_iam_member.eraser["expire"].bucket == "my-project-photos" && google_storage_bucket_iam_member.eraser["expire"].role == "projects/my-project/roles/deletesObjects" && google_storage_bucket_iam_member.derived_eraser["expire"].bucket == "my-project-derived"
    error_message = "Erasers may delete originals, and not write them."
  }
  assert {
    condition     = google_storage_bucket.photos.cors[0].origin == tolist(["https://photos.example.com"]) && contains(google_storage_bucket.photos.cors[0].method, "PUT")
    error_message = "Web pages of this origin may upload."
  }
  assert {
    condition     = [for rule in google_storage_bucket.photos.lifecycle_rule : one(rule.condition).age if one(rule.condition).with_state == "LIVE"] == [90] && one(google_storage_bucket.derived.lifecycle_rule[0].condition).age == 60
    error_message = "Photos and derived objects are deleted after the given days."
  }
}

run "any_origin_is_refused" {
  command = plan
  module {
    source = "./modules/photo-bucket"
  }
  variables {
    cors_origins = ["*"]
  }
  expect_failures = [var.cors_origins]
}

run "wrong_names_are_refused" {
  command = plan
  module {
    source = "./modules/photo-bucket"
  }
  variables {
    name = "My Photos"
  }
  expect_failures = [var.name]
}

run "wrong_soft_delete_is_refused" {
  command = plan
  module {
    source = "./modules/photo-bucket"
  }
  variables {
    retention = { soft_deleted_days = 3 }
  }
  expect_failures = [var.retention]
}

run "replaced_originals_can_stay" {
  module {
    source = "./modules/photo-bucket"
  }
  variables {
    retention = { noncurrent_days = 0 }
  }

  assert {
    condition     = length([for rule in google_storage_bucket.photos.lifecycle_rule : rule if one(rule.action).type == "Delete"]) == 0
    error_message = "With 0 days nothing is deleted automatically."
  }
}
