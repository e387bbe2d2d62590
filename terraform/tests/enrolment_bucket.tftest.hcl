# The bucket for enrolment pictures: who may do what, and that no picture is kept.

mock_provider "google" {}

variables {
  project_id            = "my-project"
  region                = "europe-west1"
  name                  = "my-project-enrolments"
  topic                 = "projects/my-project/topics/photo-enrolments"
  storage_service_agent = "serviceAccount:storage-agent"
  reader_role           = "projects/my-project/roles/deletesObjects"
}

run "defaults" {
  module {
    source = "./modules/enrolment-bucket"
  }

  assert {
    condition     = google_storage_bucket.enrolments.uniform_bucket_level_access && google_storage_bucket.enrolments.public_access_prevention == "enforced"
    error_message = "The bucket is private."
  }
  assert {
    condition     = !google_storage_bucket.enrolments.versioning[0].enabled && google_storage_bucket.enrolments.soft_delete_policy[0].retention_duration_seconds == 0
    error_message = "A deleted picture cannot be restored."
  }
  assert {
    condition     = one(one(google_storage_bucket.enrolments.lifecycle_rule).condition).age == 1 && one(one(google_storage_bucket.enrolments.lifecycle_rule).action).type == "Delete"
    error_message = "Remaining pictures are deleted after a day."
  }
  assert {
    condition     = google_storage_notification.uploads.topic == "projects/my-project/topics/photo-enrolments" && google_storage_notification.uploads.event_types == toset(["OBJECT_FINALIZE"])
    error_message = "The topic is notified of every upload."
  }
  assert {
    condition     = google_pubsub_topic_iam_member.storage_publishes.member == "serviceAccount:storage-agent"
    error_message = "Cloud Storage must be allowed to publish."
  }
  assert {
    condition     = length(google_storage_bucket.enrolments.cors) == 0 && length(google_storage_bucket_iam_member.uploader) == 0 && length(google_storage_bucket_iam_member.looks_and_deletes) == 0
    error_message = "By default no member has access and no web page may upload."
  }
}

run "grants_and_options" {
  module {
    source = "./modules/enrolment-bucket"
  }
  variables {
    uploaders    = { api = "serviceAccount:api" }
    readers      = { enrol = "serviceAccount:enrol" }
    cors_origins = ["https://photos.example.com"]
    kms_key      = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
  }

  assert {
    condition     = google_storage_bucket_iam_member.uploader["api"].role == "roles/storage.objectCreator" && google_storage_bucket_iam_member.looks_and_deletes["enrol"].role == "projects/my-project/roles/deletesObjects"
    error_message = "Uploaders may only create; readers may delete, and not create."
  }
  assert {
    condition     = one(google_storage_bucket.enrolments.cors).origin == tolist(["https://photos.example.com"]) && one(google_storage_bucket.enrolments.encryption).default_kms_key_name == "projects/p/locations/l/keyRings/r/cryptoKeys/k"
    error_message = "The options are applied."
  }
}

run "a_star_as_origin_is_refused" {
  command = plan
  module {
    source = "./modules/enrolment-bucket"
  }
  variables {
    cors_origins = ["*"]
  }
  expect_failures = [var.cors_origins]
}
