# Schedules, alerts, objectives, dashboard and the budget's stop.

mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "123456789" }
  }
}

variables {
  project_id     = "my-project"
  region         = "europe-west1"
  service_agents = { pubsub = "serviceAccount:pubsub-agent", scheduler = "serviceAccount:scheduler-agent" }
  alert_emails   = { operator = "operator@example.com" }
  schedules = {
    photofinish-sweep         = { topic = "projects/my-project/topics/photo-sweep", cron = "* * * * *", description = "Sweep." }
    photofinish-reconcile-all = { topic = "projects/my-project/topics/photo-reconcile", cron = "17 3 * * *", body = "{\"full\": true}", description = "Reconcile." }
  }
  watched = {
    dead_letter_sources = ["photo-work-tasks", "photo-work-bulk-tasks", "on-object-finalized"]
    work_subscriptions  = { prompt = "photo-work-tasks", bulk = "photo-work-bulk-tasks" }
    jobs                = ["analyze", "analyze-cpu"]
    event_services      = ["launch-workers"]
    search_services     = ["api"]
    database            = "photofinish"
  }
  search_objectives  = { availability = 0.999, latency_ms = 500 }
  stop_subscriptions = ["launch-workers", "launch-workers-bulk", "launch-workers-sweep"]
}

run "defaults" {
  module {
    source = "./modules/operations"
  }

  assert {
    condition     = google_cloud_scheduler_job.publish["photofinish-sweep"].schedule == "* * * * *" && google_cloud_scheduler_job.publish["photofinish-sweep"].time_zone == "Etc/UTC" && google_cloud_scheduler_job.publish["photofinish-sweep"].pubsub_target[0].topic_name == "projects/my-project/topics/photo-sweep"
    error_message = "The sweep is published every minute."
  }
  assert {
    condition     = base64decode(google_cloud_scheduler_job.publish["photofinish-sweep"].pubsub_target[0].data) == "{}" && jsondecode(base64decode(google_cloud_scheduler_job.publish["photofinish-reconcile-all"].pubsub_target[0].data)) == { full = true }
    error_message = "A schedule publishes its body, by default {}."
  }
  assert {
    condition     = google_pubsub_topic_iam_member.scheduler_publishes["photofinish-sweep"].member == "serviceAccount:scheduler-agent"
    error_message = "Cloud Scheduler must be allowed to publish."
  }
  assert {
    condition     = toset(output.alerts) == toset(["audit-not-anchored", "backlog-age", "database-cpu", "database-disk", "dead-letters", "error-rate", "job-failures", "search-latency", "upload-to-result"])
    error_message = "The runbook describes these alerts."
  }
  assert {
    condition     = alltrue([for policy in google_monitoring_alert_policy.threshold : length(policy.notification_channels) == 1]) && length(google_monitoring_alert_policy.error_rate.notification_channels) == 1 && length(google_monitoring_alert_policy.upload_to_result.notification_channels) == 1
    error_message = "Every alert has a recipient."
  }
  assert {
    condition     = google_monitoring_alert_policy.threshold["dead-letters"].conditions[0].condition_threshold[0].threshold_value == 0 && strcontains(google_monitoring_alert_policy.threshold["dead-letters"].conditions[0].condition_threshold[0].filter, "one_of(\"photo-work-tasks\", \"photo-work-bulk-tasks\", \"on-object-finalized\") AND metric.type = \"pubsub.googleapis.com/subscription/dead_letter_message_count\"")
    error_message = "One dead letter fires the alert."
  }
  assert {
    condition     = strcontains(google_monitoring_alert_policy.threshold["backlog-age"].conditions[0].condition_threshold[0].filter, "one_of(\"photo-work-bulk-tasks\", \"photo-work-tasks\") AND") && strcontains(google_monitoring_dashboard.photofinish.dashboard_json, "photo-work-bulk-tasks")
    error_message = "Alerts and the dashboard know both lanes of the queue."
  }
  assert {
    condition     = length(jsondecode(google_monitoring_dashboard.photofinish.dashboard_json).mosaicLayout.tiles) == 10
    error_message = "The dashboard has all charts."
  }
  assert {
    condition     = alltrue(flatten([for tile in jsondecode(google_monitoring_dashboard.photofinish.dashboard_json).mosaicLayout.tiles : [for line in tile.widget.xyChart.dataSets : length(regexall("_googleapis_com:", line.timeSeriesQuery.prometheusQuery)) == length(regexall("monitored_resource=", line.timeSeriesQuery.prometheusQuery))]]))
    error_message = "Every metric in a query names its resource type: PromQL refuses log-based metrics without it."
  }
  assert {
    condition     = toset(keys(google_logging_metric.photos)) == toset(["queued", "committed", "rejected", "failed"])
    error_message = "Every outcome of a photo is counted."
  }
  assert {
    condition     = google_monitoring_slo.availability.goal == 0.999 && google_monitoring_slo.latency.request_based_sli[0].distribution_cut[0].range[0].max == 500 && google_monitoring_alert_policy.threshold["search-latency"].conditions[0].condition_threshold[0].threshold_value == 500
    error_message = "The objectives and the latency alert use the given values."
  }
  assert {
    condition     = length(google_billing_budget.month) == 0 && length(google_workflows_workflow.budget_stop) == 0 && length(google_monitoring_uptime_check_config.search) == 0
    error_message = "Without a budget and a health URL their resources are not created."
  }
}

run "the_audit_is_anchored" {
  module {
    source = "./modules/operations"
  }

  assert {
    condition     = strcontains(google_monitoring_alert_policy.audit_not_anchored.conditions[0].condition_prometheus_query_language[0].query, "user_photofinish_audit_anchored{monitored_resource=\"cloud_run_revision\"}[3h]") && strcontains(google_monitoring_alert_policy.audit_not_anchored.conditions[0].condition_prometheus_query_language[0].query, "or vector(0)")
    error_message = "The alert fires when there is no line at all, too."
  }
  assert {
    condition     = google_logging_metric.audit_anchored.name == "photofinish/audit_anchored" && strcontains(google_logging_metric.audit_anchored.filter, "jsonPayload.message = \"expired\"") && length(google_monitoring_alert_policy.audit_not_anchored.notification_channels) == 1
    error_message = "It counts the lines of expire, and has a recipient."
  }
}

run "time_from_upload_to_result" {
  module {
    source = "./modules/operations"
  }
  variables {
    thresholds = { upload_to_result_p95_s = 60 }
  }

  assert {
    condition     = google_logging_metric.upload_to_result.value_extractor == "EXTRACT(jsonPayload.upload_to_result_s)" && google_logging_metric.upload_to_result.metric_descriptor[0].value_type == "DISTRIBUTION" && strcontains(google_logging_metric.upload_to_result.filter, "job_name = (\"analyze\" OR \"analyze-cpu\")")
    error_message = "The times come from the job's log."
  }
  assert {
    condition     = pow(google_logging_metric.upload_to_result.bucket_options[0].exponential_buckets[0].growth_factor, google_logging_metric.upload_to_result.bucket_options[0].exponential_buckets[0].num_finite_buckets) > 7 * 24 * 3600
    error_message = "The buckets reach a week."
  }
  assert {
    condition     = [for line in jsondecode(google_monitoring_dashboard.photofinish.dashboard_json).mosaicLayout.tiles[1].widget.xyChart.dataSets : line.legendTemplate] == ["p50", "p95"]
    error_message = "The dashboard shows the median and the 95th percentile."
  }
  assert {
    condition     = google_monitoring_alert_policy.upload_to_result.conditions[0].condition_prometheus_query_language[0].query == "${jsondecode(google_monitoring_dashboard.photofinish.dashboard_json).mosaicLayout.tiles[1].widget.xyChart.dataSets[1].timeSeriesQuery.prometheusQuery} > 60"
    error_message = "The alert uses the query of the dashboard."
  }
  assert {
    condition     = strcontains(google_monitoring_alert_policy.upload_to_result.conditions[0].condition_prometheus_query_language[0].query, "histogram_quantile(0.95, ") && google_monitoring_alert_policy.upload_to_result.conditions[0].condition_prometheus_query_language[0].disable_metric_validation
    error_message = "The alert is on the 95th percentile, and can be created together with its metric."
  }
}

run "budget_with_a_stop" {
  module {
    source = "./modules/operations"
  }
  variables {
    budget = { billing_account = "012345-6789AB-CDEF01", amount = 500 }
  }

  assert {
    condition     = google_billing_budget.month[0].amount[0].specified_amount[0].units == "500" && google_billing_budget.month[0].budget_filter[0].projects == toset(["projects/123456789"])
    error_message = "The budget is this project's."
  }
  assert {
    condition     = google_service_account_iam_member.budget_stop_signs[0].role == "roles/iam.serviceAccountOpenIdTokenCreator" && google_service_account_iam_member.budget_stop_signs[0].member == "serviceAccount:pubsub-agent"
    error_message = "Pub/Sub calls the workflow with a token of the stop's account."
  }
  assert {
    condition     = google_project_iam_custom_role.budget_stop[0].permissions == toset(["pubsub.subscriptions.update"]) && toset(keys(google_pubsub_subscription_iam_member.budget_stop)) == toset(["launch-workers", "launch-workers-bulk", "launch-workers-sweep"])
    error_message = "The stop may only change the subscriptions that start analysis."
  }
  assert {
    condition     = jsondecode(google_workflows_workflow.budget_stop[0].user_env_vars["SUBSCRIPTIONS"]) == ["projects/my-project/subscriptions/launch-workers", "projects/my-project/subscriptions/launch-workers-bulk", "projects/my-project/subscriptions/launch-workers-sweep"]
    error_message = "The workflow gets their names."
  }
  assert {
    condition     = google_eventarc_trigger.budget_stop[0].transport[0].pubsub[0].topic == google_pubsub_topic.budget[0].id && google_billing_budget.month[0].all_updates_rule[0].pubsub_topic == google_pubsub_topic.budget[0].id
    error_message = "The budget's messages start the workflow."
  }
  assert {
    condition     = contains(output.alerts, "budget")
    error_message = "The runbook describes the budget alert."
  }
}

run "budget_without_a_stop" {
  module {
    source = "./modules/operations"
  }
  variables {
    budget = { billing_account = "012345-6789AB-CDEF01", amount = 500, stop_at = 0 }
  }

  assert {
    condition     = length(google_billing_budget.month) == 1 && length(google_workflows_workflow.budget_stop) == 0 && length(google_service_account.budget_stop) == 0
    error_message = "It only sends alerts."
  }
}

run "uptime" {
  module {
    source = "./modules/operations"
  }
  variables {
    health_url = "https://search.example.com/v1/health"
  }

  assert {
    condition     = google_monitoring_uptime_check_config.search[0].http_check[0].path == "/v1/health" && google_monitoring_uptime_check_config.search[0].monitored_resource[0].labels.host == "search.example.com" && google_monitoring_uptime_check_config.search[0].http_check[0].accepted_response_status_codes[0].status_value == 200
    error_message = "The health URL of the API is checked."
  }
  assert {
    condition     = contains(output.alerts, "search-down") && google_monitoring_alert_policy.uptime[0].severity == "CRITICAL"
    error_message = "Search being down is an alert."
  }
}

run "no_alert_emails_are_refused" {
  command = plan
  module {
    source = "./modules/operations"
  }
  variables {
    alert_emails = {}
  }
  expect_failures = [var.alert_emails]
}

run "wrong_cron_is_refused" {
  command = plan
  module {
    source = "./modules/operations"
  }
  variables {
    schedules = { a = { topic = "t", cron = "every minute", description = "x" } }
  }
  expect_failures = [var.schedules]
}

run "a_message_that_is_no_json_object_is_refused" {
  command = plan
  module {
    source = "./modules/operations"
  }
  variables {
    schedules = { a = { topic = "t", cron = "* * * * *", body = "full", description = "x" } }
  }
  expect_failures = [var.schedules]
}

run "wrong_billing_account_is_refused" {
  command = plan
  module {
    source = "./modules/operations"
  }
  variables {
    budget = { billing_account = "mine", amount = 10 }
  }
  expect_failures = [var.budget]
}

run "wrong_shares_are_refused" {
  command = plan
  module {
    source = "./modules/operations"
  }
  variables {
    thresholds = { error_share = 5 }
  }
  expect_failures = [var.thresholds]
}

run "a_time_of_zero_is_refused" {
  command = plan
  module {
    source = "./modules/operations"
  }
  variables {
    thresholds = { upload_to_result_p95_s = 0 }
  }
  expect_failures = [var.thresholds]
}

run "an_objective_of_always_is_refused" {
  command = plan
  module {
    source = "./modules/operations"
  }
  variables {
    search_objectives = { availability = 1, latency_ms = 500 }
  }
  expect_failures = [var.search_objectives]
}

run "plain_http_is_refused" {
  command = plan
  module {
    source = "./modules/operations"
  }
  variables {
    health_url = "http://search.example.com/"
  }
  expect_failures = [var.health_url]
}
