# A function that Pub/Sub calls. Only its own push subscriptions may call it; failed messages are delivered again.

module "service" {
  source = "../function-service"

  project_id          = var.project_id
  region              = var.region
  name                = var.name
  target              = var.target
  image               = var.image
  env                 = var.env
  secret_env          = var.secret_env
  size                = var.size
  database            = var.database
  calls_internet      = var.calls_internet
  ingress             = "internal"
  deployers           = var.deployers
  kms_key             = var.kms_key
  deletion_protection = var.deletion_protection
}

# Every push carries a token of this account; nothing else may call the service.
resource "google_service_account" "push" {
  project      = var.project_id
  account_id   = "push-${var.name}"
  display_name = "Pub/Sub calls ${var.target}"
}

resource "google_cloud_run_v2_service_iam_member" "push_calls" {
  project  = var.project_id
  location = var.region
  name     = module.service.name
  role     = "roles/run.invoker"
  member   = google_service_account.push.member
}

resource "google_service_account_iam_member" "pubsub_signs" {
  service_account_id = google_service_account.push.name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = var.pubsub_service_agent
}

resource "google_pubsub_subscription" "push" {
  for_each = var.subscriptions

  project                      = var.project_id
  name                         = each.key
  topic                        = each.value.topic
  ack_deadline_seconds         = each.value.ack_deadline_s
  message_retention_duration   = "${each.value.retention_s}s"
  enable_exactly_once_delivery = false # Pub/Sub offers it for pull subscriptions only

  # Never expires when idle.
  expiration_policy {
    ttl = ""
  }

  push_config {
    push_endpoint = module.service.uri
    oidc_token {
      service_account_email = google_service_account.push.email
      audience              = module.service.uri
    }
  }

  retry_policy {
    minimum_backoff = "${each.value.minimum_backoff_s}s"
    maximum_backoff = "${each.value.maximum_backoff_s}s"
  }

  dynamic "dead_letter_policy" {
    for_each = each.value.dead_letter_topic == null ? [] : [each.value]
    content {
      dead_letter_topic     = dead_letter_policy.value.dead_letter_topic
      max_delivery_attempts = dead_letter_policy.value.max_delivery_attempts
    }
  }

  depends_on = [google_cloud_run_v2_service_iam_member.push_calls, google_service_account_iam_member.pubsub_signs]
}

# Without both of these roles Pub/Sub silently never forwards dead letters.
resource "google_pubsub_topic_iam_member" "forwards_dead_letters" {
  for_each = { for name, subscription in var.subscriptions : name => subscription.dead_letter_topic if subscription.dead_letter_topic != null }

  project = var.project_id
  topic   = each.value
  role    = "roles/pubsub.publisher"
  member  = var.pubsub_service_agent
}

resource "google_pubsub_subscription_iam_member" "takes_dead_letters" {
  for_each = { for name, subscription in var.subscriptions : name => subscription if subscription.dead_letter_topic != null }

  project      = var.project_id
  subscription = google_pubsub_subscription.push[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = var.pubsub_service_agent
}

resource "google_pubsub_topic_iam_member" "publishes" {
  for_each = var.publishes_to

  project = var.project_id
  topic   = each.value
  role    = "roles/pubsub.publisher"
  member  = module.service.member
}

resource "google_project_iam_member" "role" {
  for_each = var.project_roles

  project = var.project_id
  role    = each.key
  member  = module.service.member
}
