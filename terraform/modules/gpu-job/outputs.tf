output "name" {
  description = "Name of the job."
  value       = google_cloud_run_v2_job.analyze.name
}

output "work_subscription" {
  description = "Name of the subscription that tasks pull photos from."
  value       = google_pubsub_subscription.work.name
}
