locals {
  # Log lines of the functions and the job (shared/photofinish/logs.py) that tell what became of a photo.
  outcomes = {
    queued    = "A photo was recorded and queued."
    committed = "A photo was analysed and everything about it written."
    rejected  = "A photo was refused for a reason that its document tells."
    failed    = "A photo was given up after several tries."
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

locals {
  billable_s = "sum(increase(run_googleapis_com:container_billable_instance_time{monitored_resource=\"cloud_run_job\",job_name=\"${var.watched.job}\"}[1h]))"
  committed  = "sum(increase(logging_googleapis_com:user_photofinish_photos_committed[1h]))"

  charts = [
    {
      title = "Photos by what became of them, per minute"
      queries = [
        for outcome in keys(local.outcomes) :
        "sum(rate(logging_googleapis_com:user_photofinish_photos_${outcome}[5m])) * 60"
      ]
    },
    {
      title   = "Photos in the queue"
      queries = ["max(pubsub_googleapis_com:subscription_num_undelivered_messages{monitored_resource=\"pubsub_subscription\",subscription_id=\"${var.watched.work_subscription}\"})"]
    },
    {
      title   = "Age of the longest waiting photo (s): from queued to result at most this long"
      queries = ["max(pubsub_googleapis_com:subscription_oldest_unacked_message_age{monitored_resource=\"pubsub_subscription\",subscription_id=\"${var.watched.work_subscription}\"})"]
    },
    {
      title   = "Analysis: billed task seconds per hour"
      queries = [local.billable_s]
    },
    {
      title   = "Analysis: USD per 1,000 photos, last hour"
      queries = ["${local.billable_s} / 3600 * ${var.gpu_task_usd_per_h} / ${local.committed} * 1000"]
    },
    {
      title   = "Server errors of each function, per second"
      queries = ["sum by (service_name) (rate(run_googleapis_com:request_count{monitored_resource=\"cloud_run_revision\",response_code_class=\"5xx\"}[5m]))"]
    },
    {
      title   = "Search latency p95 (ms)"
      queries = ["histogram_quantile(0.95, sum by (le, service_name) (rate(run_googleapis_com:request_latencies_bucket{monitored_resource=\"cloud_run_revision\",service_name=~\"${join("|", var.watched.search_services)}\"}[5m])))"]
    },
    {
      title   = "Dead letters per hour"
      queries = ["sum(increase(pubsub_googleapis_com:topic_send_message_operation_count{monitored_resource=\"pubsub_topic\",topic_id=\"${var.watched.dead_letter_topic}\"}[1h]))"]
    },
    {
      title   = "Vector database: CPU and disk share"
      queries = [for metric in ["cpu", "disk"] : "max(cloudsql_googleapis_com:database_${metric}_utilization{monitored_resource=\"cloudsql_database\",database_id=\"${var.project_id}:${var.watched.database}\"})"]
    },
  ]
}

resource "google_monitoring_dashboard" "photofinish" {
  project = var.project_id
  dashboard_json = jsonencode({
    displayName = "photofinish"
    mosaicLayout = {
      columns = 48
      tiles = [
        for position, chart in local.charts : {
          xPos   = position % 2 * 24
          yPos   = floor(position / 2) * 16
          width  = 24
          height = 16
          widget = {
            title = chart.title
            xyChart = {
              dataSets = [for query in chart.queries : {
                plotType        = "LINE"
                timeSeriesQuery = { prometheusQuery = query }
              }]
            }
          }
        }
      ]
    }
  })

  depends_on = [google_logging_metric.photos]
}
