# The Firestore database that apps listen to, the indexes that the code's queries need, and the security rules.

locals {
  # Format and defaults are those of the Firebase CLI.
  declared = jsondecode(file(var.indexes_file))
  composite = {
    for index in local.declared.indexes :
    "${index.collectionGroup}/${join(",", [for field in index.fields : "${field.fieldPath} ${lower(try(field.order, field.arrayConfig))}"])}/${lower(index.queryScope)}" => index
  }
  fields = { for override in local.declared.fieldOverrides : "${override.collectionGroup}/${override.fieldPath}" => override }
}

resource "google_firestore_database" "default" {
  project                           = var.project_id
  name                              = "(default)"
  location_id                       = var.location
  type                              = "FIRESTORE_NATIVE"
  concurrency_mode                  = "OPTIMISTIC"
  app_engine_integration_mode       = "DISABLED"
  point_in_time_recovery_enablement = var.point_in_time_recovery ? "POINT_IN_TIME_RECOVERY_ENABLED" : "POINT_IN_TIME_RECOVERY_DISABLED"
  delete_protection_state           = var.deletion_protection ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy                   = var.deletion_protection ? "ABANDON" : "DELETE"

  dynamic "cmek_config" {
    for_each = var.kms_key == null ? [] : [var.kms_key]
    content {
      kms_key_name = cmek_config.value
    }
  }
}

resource "google_firestore_index" "composite" {
  for_each = local.composite

  project     = var.project_id
  database    = google_firestore_database.default.name
  collection  = each.value.collectionGroup
  query_scope = each.value.queryScope

  dynamic "fields" {
    for_each = each.value.fields
    content {
      field_path   = fields.value.fieldPath
      order        = try(fields.value.order, null)
      array_config = try(fields.value.arrayConfig, null)
    }
  }
}

resource "google_firestore_field" "single" {
  for_each = local.fields

  project    = var.project_id
  database   = google_firestore_database.default.name
  collection = each.value.collectionGroup
  field      = each.value.fieldPath

  index_config {
    dynamic "indexes" {
      for_each = each.value.indexes
      content {
        order        = try(indexes.value.order, null)
        array_config = try(indexes.value.arrayConfig, null)
        query_scope  = indexes.value.queryScope
      }
    }
  }

  dynamic "ttl_config" {
    for_each = lookup(var.ttl_fields, each.value.collectionGroup, null) == each.value.fieldPath ? [true] : []
    content {}
  }
}

resource "google_firestore_field" "ttl" {
  for_each = { for collection, field in var.ttl_fields : "${collection}/${field}" => { collection = collection, field = field } if !contains(keys(local.fields), "${collection}/${field}") }

  project    = var.project_id
  database   = google_firestore_database.default.name
  collection = each.value.collection
  field      = each.value.field

  ttl_config {}
}

resource "google_firebaserules_ruleset" "firestore" {
  project = var.project_id

  source {
    files {
      name    = "firestore.rules"
      content = file(var.rules_file)
    }
  }

  lifecycle {
    # The release must point to the new ruleset before the old one is deleted.
    create_before_destroy = true
  }

  depends_on = [google_firestore_database.default]
}

resource "google_firebaserules_release" "firestore" {
  project      = var.project_id
  name         = "cloud.firestore"
  ruleset_name = "projects/${var.project_id}/rulesets/${google_firebaserules_ruleset.firestore.name}"

  lifecycle {
    replace_triggered_by = [google_firebaserules_ruleset.firestore]
  }
}

resource "google_firestore_backup_schedule" "daily" {
  count = var.backup_keep_days == null ? 0 : 1

  project   = var.project_id
  database  = google_firestore_database.default.name
  retention = "${var.backup_keep_days * 24 * 3600}s"

  daily_recurrence {}
}
