# Metrics from the log lines of the functions and the job (shared/photofinish/logs.py).

locals {
  outcomes = {
    queued    = "A photo was recorded and queued."
    committed = "A photo was analysed and its results were written."
    rejected  = "A photo was rejected; its document states the reason."
    failed    = "A photo failed every delivery attempt."
  }

  # A log-based metric may have several resource types; PromQL refuses a query that does not name one.
  outcomes_per_min = {
    for outcome in keys(local.outcomes) : outcome => "60 * sum(${join(" or ", [
      for resource in ["cloud_run_revision", "cloud_run_job"] :
      "rate(logging_googleapis_com:user_photofinish_photos_${outcome}{monitored_resource=\"${resource}\"}[5m])"
    ])})"
  }
  committed_per_h = "sum(increase(logging_googleapis_com:user_photofinish_photos_committed{monitored_resource=\"cloud_run_job\"}[1h]))"

  upload_to_result_s = {
    for name, share in { p50 = 0.5, p95 = 0.95 } : name =>
    "histogram_quantile(${share}, sum by (le) (rate(logging_googleapis_com:user_photofinish_upload_to_result_s_bucket{monitored_resource=\"cloud_run_job\",job_name=~\"${join("|", var.watched.jobs)}\"}[10m])))"
  }
}

resource "google_logging_metric" "photos" {
  for_each = local.outcomes

  project     = var.project_id
  name        = "photofinish/photos_${each.key}"
  description = each.value
  filter      = "resource.type = (\"cloud_run_revision\" OR \"cloud_run_job\") AND jsonPayload.message = \"${each.key}\" AND jsonPayload.photo_id : *"

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "INT64"
    unit         = "1"
    display_name = "Photos ${each.key}"
  }
}

resource "google_logging_metric" "audit_anchored" {
  project     = var.project_id
  name        = "photofinish/audit_anchored"
  description = "expire has anchored the audit and deleted what is past its retention."
  filter      = "resource.type = \"cloud_run_revision\" AND jsonPayload.message = \"expired\" AND jsonPayload.anchored >= 0"

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "INT64"
    unit         = "1"
    display_name = "Audit anchored"
  }
}

resource "google_logging_metric" "upload_to_result" {
  project         = var.project_id
  name            = "photofinish/upload_to_result_s"
  description     = "Time from the upload of a photo until its results were written."
  filter          = "resource.type = \"cloud_run_job\" AND resource.labels.job_name = (${join(" OR ", [for job in var.watched.jobs : "\"${job}\""])}) AND jsonPayload.message = \"committed\" AND jsonPayload.upload_to_result_s : *"
  value_extractor = "EXTRACT(jsonPayload.upload_to_result_s)"

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "DISTRIBUTION"
    unit         = "s"
    display_name = "From upload to result"
  }

  # From a second to a week. Buckets grow by 25 %, so a percentile is accurate to a quarter of its value.
  bucket_options {
    exponential_buckets {
      scale              = 1
      growth_factor      = 1.25
      num_finite_buckets = 60
    }
  }
}
