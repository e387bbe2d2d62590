# Whether the search API answers from outside. Only with a public address (var.health_url).

resource "google_monitoring_uptime_check_config" "search" {
  count = var.health_url == null ? 0 : 1

  project      = var.project_id
  display_name = "photofinish search"
  timeout      = "10s"
  period       = "300s"

  http_check {
    path           = "/${join("/", slice(split("/", var.health_url), 3, length(split("/", var.health_url))))}"
    port           = 443
    use_ssl        = true
    validate_ssl   = true
    request_method = "GET"
    accepted_response_status_codes {
      status_value = 200
    }
  }

  monitored_resource {
    type = "uptime_url"
    labels = {
      project_id = var.project_id
      host       = split("/", var.health_url)[2]
    }
  }
}

resource "google_monitoring_alert_policy" "uptime" {
  count = var.health_url == null ? 0 : 1

  project               = var.project_id
  display_name          = "photofinish search-down"
  severity              = "CRITICAL"
  combiner              = "OR"
  notification_channels = local.channels

  conditions {
    display_name = "Search is unreachable from outside"
    condition_threshold {
      filter          = "resource.type = \"uptime_url\" AND metric.type = \"monitoring.googleapis.com/uptime_check/check_passed\" AND metric.labels.check_id = \"${google_monitoring_uptime_check_config.search[0].uptime_check_id}\""
      comparison      = "COMPARISON_GT"
      threshold_value = 1
      duration        = "300s"
      aggregations {
        alignment_period     = "600s"
        per_series_aligner   = "ALIGN_NEXT_OLDER"
        cross_series_reducer = "REDUCE_COUNT_FALSE"
        group_by_fields      = ["resource.labels.host"]
      }
    }
  }

  documentation {
    subject   = "Search is unreachable from outside"
    content   = "See docs/runbook.md, section search-down."
    mime_type = "text/markdown"
  }
}
