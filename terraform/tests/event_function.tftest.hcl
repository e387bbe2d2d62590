# Who may call an event function, and where messages go that it cannot handle.

mock_provider "google" {
  mock_resource "google_service_account" {
    defaults = {
      email  = "some@my-project.iam.gserviceaccount.com"
      member = "serviceAccount:some@my-project.iam.gserviceaccount.com"
      name   = "projects/my-project/serviceAccounts/some@my-project.iam.gserviceaccount.com"
    }
  }
  mock_resource "google_cloud_run_v2_service" {
    defaults = { uri = "https://ingest.example.run.app" }
  }
}
mock_provider "time" {}

variables {
  project_id           = "my-project"
  region               = "europe-west1"
  name                 = "on-object-finalized"
  target               = "on_object_finalized"
  image                = "example/functions"
  env                  = { GOOGLE_CLOUD_PROJECT = "my-project" }
  pubsub_service_agent = "serviceAccount:pubsub-agent"
  subscriptions = {
    on-object-finalized = { topic = "projects/my-project/topics/photo-uploads", dead_letter_topic = "projects/my-project/topics/photo-dead" }
  }
}

run "defaults" {
  module {
    source = "./modules/event-function"
  }

  assert {
    condition     = google_pubsub_subscription.push["on-object-finalized"].dead_letter_policy[0].dead_letter_topic == "projects/my-project/topics/photo-dead" && google_pubsub_subscription.push["on-object-finalized"].dead_letter_policy[0].max_delivery_attempts == 20
    error_message = "A message that failed five times moves to the dead-letter topic."
  }
  assert {
    condition     = google_pubsub_subscription.push["on-object-finalized"].retry_policy[0].minimum_backoff == "10s" && google_pubsub_subscription.push["on-object-finalized"].retry_policy[0].maximum_backoff == "600s"
    error_message = "A failed delivery is retried after 10 to 600 s."
  }
  assert {
    condition     = google_pubsub_topic_iam_member.forwards_dead_letters["on-object-finalized"].role == "roles/pubsub.publisher" && google_pubsub_topic_iam_member.forwards_dead_letters["on-object-finalized"].member == "serviceAccount:pubsub-agent"
    error_message = "Pub/Sub must be allowed to publish dead letters."
  }
  assert {
    condition     = google_pubsub_subscription_iam_member.takes_dead_letters["on-object-finalized"].role == "roles/pubsub.subscriber" && google_pubsub_subscription_iam_member.takes_dead_letters["on-object-finalized"].member == "serviceAccount:pubsub-agent"
    error_message = "Pub/Sub must be allowed to acknowledge the messages that it forwards."
  }
  assert {
    condition     = google_pubsub_subscription.push["on-object-finalized"].push_config[0].push_endpoint == "https://ingest.example.run.app" && google_pubsub_subscription.push["on-object-finalized"].push_config[0].oidc_token[0].audience == "https://ingest.example.run.app"
    error_message = "Pushes go to the service, with a token for that audience."
  }
  assert {
    condition     = google_pubsub_subscription.push["on-object-finalized"].push_config[0].oidc_token[0].service_account_email == google_service_account.push.email && google_service_account.push.account_id == "push-on-object-finalized"
    error_message = "The token belongs to the push account."
  }
  assert {
    condition     = google_cloud_run_v2_service_iam_member.push_calls.role == "roles/run.invoker" && google_cloud_run_v2_service_iam_member.push_calls.member == google_service_account.push.member
    error_message = "Only the push account may call the service."
  }
  assert {
    condition     = google_service_account_iam_member.pubsub_signs.role == "roles/iam.serviceAccountOpenIdTokenCreator" && google_service_account_iam_member.pubsub_signs.member == "serviceAccount:pubsub-agent"
    error_message = "Pub/Sub may only create identity tokens for that account."
  }
  assert {
    condition     = google_pubsub_subscription.push["on-object-finalized"].expiration_policy[0].ttl == ""
    error_message = "An idle subscription must never expire."
  }
  assert {
    condition     = length(google_project_iam_member.role) == 0 && length(google_pubsub_topic_iam_member.publishes) == 0
    error_message = "By default a function has no roles."
  }
}

run "grants_and_options" {
  module {
    source = "./modules/event-function"
  }

  variables {
    publishes_to  = { work = "projects/my-project/topics/photo-work" }
    project_roles = ["roles/datastore.user"]
    database      = { proxy = { image = "example/proxy", args = ["--port=5432", "my-project:europe-west1:photofinish"], cpu = "250m", memory = "256Mi" }, network = "net", subnetwork = "sub" }
    subscriptions = {
      launch-workers-sweep = { topic = "projects/my-project/topics/photo-sweep", retention_s = 600, ack_deadline_s = 600 }
    }
  }

  assert {
    condition     = length(google_pubsub_subscription.push["launch-workers-sweep"].dead_letter_policy) == 0 && length(google_pubsub_topic_iam_member.forwards_dead_letters) == 0 && length(google_pubsub_subscription_iam_member.takes_dead_letters) == 0
    error_message = "Without a dead-letter topic nothing is forwarded and no role is granted."
  }
  assert {
    condition     = google_pubsub_subscription.push["launch-workers-sweep"].message_retention_duration == "600s" && google_pubsub_subscription.push["launch-workers-sweep"].ack_deadline_seconds == 600
    error_message = "Retention and ack deadline are applied."
  }
  assert {
    condition     = google_pubsub_topic_iam_member.publishes["work"].role == "roles/pubsub.publisher" && google_pubsub_topic_iam_member.publishes["work"].topic == "projects/my-project/topics/photo-work"
    error_message = "The function may publish to its topic."
  }
  assert {
    condition     = module.service.uses_database
    error_message = "The database proxy runs as a sidecar."
  }
  assert {
    condition     = google_project_iam_member.role["roles/datastore.user"].member == output.member
    error_message = "The function's service account has the role."
  }
}

run "basic_roles_are_refused" {
  command = plan
  module {
    source = "./modules/event-function"
  }
  variables {
    project_roles = ["roles/editor"]
  }
  expect_failures = [var.project_roles]
}

run "no_subscription_is_refused" {
  command = plan
  module {
    source = "./modules/event-function"
  }
  variables {
    subscriptions = {}
  }
  expect_failures = [var.subscriptions]
}

run "too_few_attempts_are_refused" {
  command = plan
  module {
    source = "./modules/event-function"
  }
  variables {
    subscriptions = { a = { topic = "t", max_delivery_attempts = 19 } }
  }
  expect_failures = [var.subscriptions]
}

run "too_long_a_deadline_is_refused" {
  command = plan
  module {
    source = "./modules/event-function"
  }
  variables {
    subscriptions = { a = { topic = "t", ack_deadline_s = 601 } }
  }
  expect_failures = [var.subscriptions]
}
