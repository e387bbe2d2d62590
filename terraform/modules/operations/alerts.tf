# Alerts. Each has a section of the same name in docs/runbook.md.

resource "google_monitoring_notification_channel" "email" {
  for_each = var.alert_emails

  project      = var.project_id
  display_name = each.key
  type         = "email"
  labels       = { email_address = each.value }
}

locals {
  channels = [for channel in google_monitoring_notification_channel.email : channel.id]
  services = concat(var.watched.event_services, var.watched.search_services)

  any_service    = "resource.labels.service_name = one_of(${join(", ", [for name in local.services : "\"${name}\""])})"
  search_service = "resource.labels.service_name = one_of(${join(", ", [for name in var.watched.search_services : "\"${name}\""])})"
  database       = "resource.type = \"cloudsql_database\" AND resource.labels.database_id = \"${var.project_id}:${var.watched.database}\""

  alerts = {
    dead-letters = {
      title     = "Photos failed every delivery attempt"
      severity  = "ERROR"
      filter    = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = one_of(${join(", ", [for name in var.watched.dead_letter_sources : "\"${name}\""])}) AND metric.type = \"pubsub.googleapis.com/subscription/dead_letter_message_count\""
      aligner   = "ALIGN_DELTA"
      reducer   = "REDUCE_SUM"
      group_by  = []
      threshold = 0
      for_s     = 0
    }
    backlog-age = {
      title     = "Photos wait too long for analysis"
      severity  = "WARNING"
      filter    = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = one_of(${join(", ", [for name in values(var.watched.work_subscriptions) : "\"${name}\""])}) AND metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\""
      aligner   = "ALIGN_MAX"
      reducer   = "REDUCE_MAX"
      group_by  = []
      threshold = var.thresholds.backlog_age_s
      for_s     = 300
    }
    job-failures = {
      title     = "Analysis tasks are failing"
      severity  = "ERROR"
      filter    = "resource.type = \"cloud_run_job\" AND resource.labels.job_name = one_of(${join(", ", [for job in var.watched.jobs : "\"${job}\""])}) AND metric.type = \"run.googleapis.com/job/completed_task_attempt_count\" AND metric.labels.result = \"failed\""
      aligner   = "ALIGN_DELTA"
      reducer   = "REDUCE_SUM"
      group_by  = []
      threshold = 2
      for_s     = 0
    }
    search-latency = {
      title     = "Search is slow"
      severity  = "WARNING"
      filter    = "resource.type = \"cloud_run_revision\" AND ${local.search_service} AND metric.type = \"run.googleapis.com/request_latencies\""
      aligner   = "ALIGN_PERCENTILE_95"
      reducer   = "REDUCE_MAX"
      group_by  = ["resource.labels.service_name"]
      threshold = var.search_objectives.latency_ms
      for_s     = 600
    }
    database-disk = {
      title     = "The vector database's disk is filling up"
      severity  = "ERROR"
      filter    = "${local.database} AND metric.type = \"cloudsql.googleapis.com/database/disk/utilization\""
      aligner   = "ALIGN_MEAN"
      reducer   = "REDUCE_MAX"
      group_by  = []
      threshold = var.thresholds.database_disk_share
      for_s     = 600
    }
    database-cpu = {
      title     = "The vector database is short of CPU"
      severity  = "WARNING"
      filter    = "${local.database} AND metric.type = \"cloudsql.googleapis.com/database/cpu/utilization\""
      aligner   = "ALIGN_MEAN"
      reducer   = "REDUCE_MAX"
      group_by  = []
      threshold = var.thresholds.database_cpu_share
      for_s     = 900
    }
  }
}

resource "google_monitoring_alert_policy" "threshold" {
  for_each = local.alerts

  project               = var.project_id
  display_name          = "photofinish ${each.key}"
  severity              = each.value.severity
  combiner              = "OR"
  notification_channels = local.channels

  conditions {
    display_name = each.value.title
    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.threshold
      duration        = "${each.value.for_s}s"
      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = each.value.aligner
        cross_series_reducer = each.value.reducer
        group_by_fields      = each.value.group_by
      }
    }
  }

  documentation {
    subject   = each.value.title
    content   = "See docs/runbook.md, section ${each.key}."
    mime_type = "text/markdown"
  }

  alert_strategy {
    auto_close = "86400s"
  }
}

# A ratio needs a denominator, so this alert is not in the map above.
resource "google_monitoring_alert_policy" "error_rate" {
  project               = var.project_id
  display_name          = "photofinish error-rate"
  severity              = "ERROR"
  combiner              = "OR"
  notification_channels = local.channels

  conditions {
    display_name = "A function returns server errors"
    condition_threshold {
      filter             = "resource.type = \"cloud_run_revision\" AND ${local.any_service} AND metric.type = \"run.googleapis.com/request_count\" AND metric.labels.response_code_class = \"5xx\""
      denominator_filter = "resource.type = \"cloud_run_revision\" AND ${local.any_service} AND metric.type = \"run.googleapis.com/request_count\""
      comparison         = "COMPARISON_GT"
      threshold_value    = var.thresholds.error_share
      duration           = "300s"
      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_RATE"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = ["resource.labels.service_name"]
      }
      denominator_aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_RATE"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = ["resource.labels.service_name"]
      }
    }
  }

  documentation {
    subject   = "A function returns server errors"
    content   = "See docs/runbook.md, section error-rate."
    mime_type = "text/markdown"
  }

  alert_strategy {
    auto_close = "86400s"
  }
}

resource "google_monitoring_alert_policy" "upload_to_result" {
  project               = var.project_id
  display_name          = "photofinish upload-to-result"
  severity              = "WARNING"
  combiner              = "OR"
  notification_channels = local.channels

  conditions {
    display_name = "Photo results are late"
    condition_prometheus_query_language {
      query               = "${local.upload_to_result_s["p95"]} > ${var.thresholds.upload_to_result_p95_s}"
      duration            = "300s"
      evaluation_interval = "60s"
      # Monitoring knows a new log-based metric only after minutes: with validation the first apply would fail.
      disable_metric_validation = true
    }
  }

  documentation {
    subject   = "Photo results are late"
    content   = "See docs/runbook.md, section upload-to-result."
    mime_type = "text/markdown"
  }

  alert_strategy {
    auto_close = "86400s"
  }

  depends_on = [google_logging_metric.upload_to_result]
}

# Nothing is logged when nothing runs, so this alert asks for the missing line.
resource "google_monitoring_alert_policy" "audit_not_anchored" {
  project               = var.project_id
  display_name          = "photofinish audit-not-anchored"
  severity              = "ERROR"
  combiner              = "OR"
  notification_channels = local.channels

  conditions {
    display_name = "The audit is not anchored"
    condition_prometheus_query_language {
      # Without any line there is no series, so a sum of none counts as 0.
      query               = "(sum(increase(logging_googleapis_com:user_photofinish_audit_anchored{monitored_resource=\"cloud_run_revision\"}[${var.thresholds.audit_anchored_h}h])) or vector(0)) < 0.5"
      duration            = "3600s" # after the first apply the schedule needs up to an hour
      evaluation_interval = "300s"
      # Monitoring knows a new log-based metric only after minutes: with validation the first apply would fail.
      disable_metric_validation = true
    }
  }

  documentation {
    subject   = "The audit is not anchored"
    content   = "See docs/runbook.md, section audit-not-anchored."
    mime_type = "text/markdown"
  }

  alert_strategy {
    auto_close = "86400s"
  }

  depends_on = [google_logging_metric.audit_anchored]
}
