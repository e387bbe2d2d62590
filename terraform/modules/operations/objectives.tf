# Service level objectives of search over 28 days.

resource "google_monitoring_custom_service" "search" {
  project      = var.project_id
  service_id   = "photofinish-search"
  display_name = "photofinish search"
}

resource "google_monitoring_slo" "availability" {
  project             = var.project_id
  service             = google_monitoring_custom_service.search.service_id
  slo_id              = "availability"
  display_name        = "Searches without a server error"
  goal                = var.search_objectives.availability
  rolling_period_days = 28

  request_based_sli {
    good_total_ratio {
      bad_service_filter   = "resource.type = \"cloud_run_revision\" AND ${local.search_service} AND metric.type = \"run.googleapis.com/request_count\" AND metric.labels.response_code_class = \"5xx\""
      total_service_filter = "resource.type = \"cloud_run_revision\" AND ${local.search_service} AND metric.type = \"run.googleapis.com/request_count\""
    }
  }
}

resource "google_monitoring_slo" "latency" {
  project             = var.project_id
  service             = google_monitoring_custom_service.search.service_id
  slo_id              = "latency"
  display_name        = "Searches faster than ${var.search_objectives.latency_ms} ms"
  goal                = var.search_objectives.latency_share
  rolling_period_days = 28

  request_based_sli {
    distribution_cut {
      distribution_filter = "resource.type = \"cloud_run_revision\" AND ${local.search_service} AND metric.type = \"run.googleapis.com/request_latencies\""
      range {
        min = 0
        max = var.search_objectives.latency_ms
      }
    }
  }
}
