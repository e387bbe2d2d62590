# A budget that sends alerts and, at `stop_at`, stops analysis from being started. Photos stay queued until it resumes.

locals {
  stops = try(var.budget.stop_at > 0, false)
}

data "google_project" "this" {
  project_id = var.project_id
}

resource "google_pubsub_topic" "budget" {
  count = var.budget == null ? 0 : 1

  project = var.project_id
  name    = "photofinish-budget"
}

resource "google_billing_budget" "month" {
  count = var.budget == null ? 0 : 1

  billing_account = var.budget.billing_account
  display_name    = "photofinish in ${var.project_id}"

  budget_filter {
    projects               = ["projects/${data.google_project.this.number}"]
    credit_types_treatment = "INCLUDE_ALL_CREDITS"
    calendar_period        = "MONTH"
  }

  amount {
    specified_amount {
      units = tostring(var.budget.amount)
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1.0]
    content {
      threshold_percent = threshold_rules.value
      spend_basis       = "CURRENT_SPEND"
    }
  }

  threshold_rules {
    threshold_percent = 1.0
    spend_basis       = "FORECASTED_SPEND"
  }

  all_updates_rule {
    pubsub_topic                     = google_pubsub_topic.budget[0].id
    schema_version                   = "1.0"
    monitoring_notification_channels = local.channels
  }
}

resource "google_service_account" "budget_stop" {
  count = local.stops ? 1 : 0

  project      = var.project_id
  account_id   = "budget-stop"
  display_name = "Stops analysis when the budget is spent"
}

# The only permission that the stop needs, granted on the subscriptions that it changes.
resource "google_project_iam_custom_role" "budget_stop" {
  count = local.stops ? 1 : 0

  project     = var.project_id
  role_id     = "photofinishBudgetStop"
  title       = "Remove the push endpoint of a subscription"
  permissions = ["pubsub.subscriptions.update"]
}

resource "google_pubsub_subscription_iam_member" "budget_stop" {
  for_each = local.stops ? toset(var.stop_subscriptions) : toset([])

  project      = var.project_id
  subscription = each.key
  role         = google_project_iam_custom_role.budget_stop[0].name
  member       = google_service_account.budget_stop[0].member
}

resource "google_project_iam_member" "budget_stop" {
  for_each = local.stops ? toset(["roles/eventarc.eventReceiver", "roles/logging.logWriter"]) : toset([])

  project = var.project_id
  role    = each.key
  member  = google_service_account.budget_stop[0].member
}

# Eventarc has Pub/Sub call the workflow with a token of this account.
resource "google_service_account_iam_member" "budget_stop_signs" {
  count = local.stops ? 1 : 0

  service_account_id = google_service_account.budget_stop[0].name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = var.service_agents.pubsub
}

# On the project, because workflows.invoker cannot be granted on a single workflow.
resource "google_project_iam_member" "budget_stop_invokes" {
  count = local.stops ? 1 : 0

  project = var.project_id
  role    = "roles/workflows.invoker"
  member  = google_service_account.budget_stop[0].member
}

resource "google_workflows_workflow" "budget_stop" {
  count = local.stops ? 1 : 0

  project             = var.project_id
  region              = var.region
  name                = "photofinish-budget-stop"
  description         = "Removes the push endpoints of the subscriptions that start analysis when the budget is spent."
  service_account     = google_service_account.budget_stop[0].id
  call_log_level      = "LOG_ERRORS_ONLY"
  deletion_protection = false
  user_env_vars = {
    STOP_AT       = tostring(var.budget.stop_at)
    SUBSCRIPTIONS = jsonencode([for name in var.stop_subscriptions : "projects/${var.project_id}/subscriptions/${name}"])
  }
  source_contents = file("${path.module}/budget_stop.yaml")
}

resource "google_eventarc_trigger" "budget_stop" {
  count = local.stops ? 1 : 0

  project         = var.project_id
  location        = var.region
  name            = "photofinish-budget-stop"
  service_account = google_service_account.budget_stop[0].email

  matching_criteria {
    attribute = "type"
    value     = "google.cloud.pubsub.topic.v1.messagePublished"
  }

  transport {
    pubsub {
      topic = google_pubsub_topic.budget[0].id
    }
  }

  destination {
    workflow = google_workflows_workflow.budget_stop[0].id
  }

  depends_on = [
    google_project_iam_member.budget_stop,
    google_project_iam_member.budget_stop_invokes,
    google_service_account_iam_member.budget_stop_signs,
  ]
}
