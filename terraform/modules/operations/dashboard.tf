locals {
  billable_s = "sum(increase(run_googleapis_com:container_billable_instance_time{monitored_resource=\"cloud_run_job\",job_name=~\"${join("|", var.watched.jobs)}\"}[1h]))"

  # Queries of each chart by legend. An empty legend: lines are named after the labels that the query groups by.
  charts = [
    {
      title = "Photos by outcome, per minute"
      lines = local.outcomes_per_min
    },
    {
      title = "From upload to result (s)"
      lines = local.upload_to_result_s
    },
    {
      title = "Photos in the queue"
      lines = { for lane, name in var.watched.work_subscriptions : lane => "max(pubsub_googleapis_com:subscription_num_undelivered_messages{monitored_resource=\"pubsub_subscription\",subscription_id=\"${name}\"})" }
    },
    {
      title = "Age of the oldest queued photo (s)"
      lines = { for lane, name in var.watched.work_subscriptions : lane => "max(pubsub_googleapis_com:subscription_oldest_unacked_message_age{monitored_resource=\"pubsub_subscription\",subscription_id=\"${name}\"})" }
    },
    {
      title = "Analysis: billed task seconds per hour"
      lines = { "" = local.billable_s }
    },
    {
      title = "Analysis: USD per 1,000 photos, last hour"
      lines = { "" = "${local.billable_s} / 3600 * ${var.gpu_task_usd_per_h} / ${local.committed_per_h} * 1000" }
    },
    {
      title = "Server errors of each function, per second"
      lines = { "" = "sum by (service_name) (rate(run_googleapis_com:request_count{monitored_resource=\"cloud_run_revision\",response_code_class=\"5xx\"}[5m]))" }
    },
    {
      title = "Search latency p95 (ms)"
      lines = { "" = "histogram_quantile(0.95, sum by (le, service_name) (rate(run_googleapis_com:request_latencies_bucket{monitored_resource=\"cloud_run_revision\",service_name=~\"${join("|", var.watched.search_services)}\"}[5m])))" }
    },
    {
      title = "Dead letters per hour"
      lines = { "" = "sum(increase(pubsub_googleapis_com:subscription_dead_letter_message_count{monitored_resource=\"pubsub_subscription\",subscription_id=~\"${join("|", var.watched.dead_letter_sources)}\"}[1h]))" }
    },
    {
      title = "Vector database: CPU and disk share"
      lines = { for metric in ["cpu", "disk"] : metric => "max(cloudsql_googleapis_com:database_${metric}_utilization{monitored_resource=\"cloudsql_database\",database_id=\"${var.project_id}:${var.watched.database}\"})" }
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
              dataSets = [for legend, query in chart.lines : merge({
                plotType        = "LINE"
                timeSeriesQuery = { prometheusQuery = query }
              }, legend == "" ? {} : { legendTemplate = legend })]
            }
          }
        }
      ]
    }
  })

  depends_on = [google_logging_metric.photos, google_logging_metric.upload_to_result]
}
