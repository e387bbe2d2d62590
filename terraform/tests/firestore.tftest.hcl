# Indexes, rules and protection of the Firestore database.

mock_provider "google" {
  mock_resource "google_firebaserules_ruleset" {
    defaults = { name = "some-ruleset" }
  }
}

variables {
  project_id   = "my-project"
  location     = "europe-west1"
  indexes_file = "firestore/firestore.indexes.json"
  rules_file   = "firestore/firestore.rules"
}

run "defaults" {
  module {
    source = "./modules/firestore"
  }

  assert {
    condition     = google_firestore_database.default.name == "(default)" && google_firestore_database.default.type == "FIRESTORE_NATIVE" && google_firestore_database.default.location_id == "europe-west1"
    error_message = "Clients use the default database."
  }
  assert {
    condition     = google_firestore_database.default.delete_protection_state == "DELETE_PROTECTION_ENABLED" && google_firestore_database.default.point_in_time_recovery_enablement == "POINT_IN_TIME_RECOVERY_ENABLED"
    error_message = "Deletion is protected, and any state of the last week can be restored."
  }
  assert {
    condition     = length(google_firestore_index.composite) == length(jsondecode(file("firestore/firestore.indexes.json")).indexes)
    error_message = "Every composite index of the file is created."
  }
  assert {
    condition     = [for field in google_firestore_index.composite["photos/status ascending,changed_at ascending/collection"].fields : "${field.field_path} ${field.order}"] == ["status ASCENDING", "changed_at ASCENDING"]
    error_message = "longest_outstanding() needs photos by status and changed_at."
  }
  assert {
    condition     = length(google_firestore_field.single["photos/queued_at"].index_config[0].indexes) == 0 && length(google_firestore_field.single["photos/faces"].index_config[0].indexes) == 0 && [for index in google_firestore_field.single["photos/done_at"].index_config[0].indexes : index.order] == ["DESCENDING"]
    error_message = "Sequential times and large arrays are not indexed, except for what queries need."
  }
  assert {
    condition     = contains([for index in google_firestore_field.single["photos/status"].index_config[0].indexes : "${index.query_scope} ${coalesce(index.order, index.array_config)}"], "COLLECTION_GROUP ASCENDING")
    error_message = "outstanding() needs status over all albums."
  }
  assert {
    condition     = google_firebaserules_release.firestore.name == "cloud.firestore" && google_firebaserules_release.firestore.ruleset_name == "projects/my-project/rulesets/some-ruleset"
    error_message = "The rules are released."
  }
  assert {
    condition     = google_firestore_backup_schedule.daily[0].retention == "1209600s" && length(google_firestore_field.ttl) == 0
    error_message = "Backups are kept for 14 days, and no document expires by default."
  }
}

run "options" {
  module {
    source = "./modules/firestore"
  }
  variables {
    ttl_fields          = { audit = "expires_at", photos = "status" }
    backup_keep_days    = null
    deletion_protection = false
    kms_key             = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
  }

  assert {
    condition     = google_firestore_field.ttl["audit/expires_at"].collection == "audit" && length(google_firestore_field.ttl) == 1 && length(google_firestore_field.single["photos/status"].ttl_config) == 1
    error_message = "A field has one resource, whether it has indexes, a TTL or both."
  }
  assert {
    condition     = length(google_firestore_backup_schedule.daily) == 0 && google_firestore_database.default.delete_protection_state == "DELETE_PROTECTION_DISABLED" && google_firestore_database.default.deletion_policy == "DELETE"
    error_message = "Without protection the database may be deleted."
  }
  assert {
    condition     = google_firestore_database.default.cmek_config[0].kms_key_name == var.kms_key
    error_message = "The key encrypts the database."
  }
}

run "too_long_backups_are_refused" {
  command = plan
  module {
    source = "./modules/firestore"
  }
  variables {
    backup_keep_days = 99
  }
  expect_failures = [var.backup_keep_days]
}
