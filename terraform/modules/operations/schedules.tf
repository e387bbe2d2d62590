resource "google_cloud_scheduler_job" "publish" {
  for_each = var.schedules

  project     = var.project_id
  region      = var.region
  name        = each.key
  description = each.value.description
  schedule    = each.value.cron
  time_zone   = "Etc/UTC"

  pubsub_target {
    topic_name = each.value.topic
    data       = base64encode(each.value.body)
  }

  depends_on = [google_pubsub_topic_iam_member.scheduler_publishes]
}

resource "google_pubsub_topic_iam_member" "scheduler_publishes" {
  for_each = var.schedules

  project = var.project_id
  topic   = each.value.topic
  role    = "roles/pubsub.publisher"
  member  = var.service_agents.scheduler
}
