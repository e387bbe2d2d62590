output "names" {
  description = "Names of the jobs: `main`, and with processor = auto its `fallback` without GPU."
  value       = { for key, job in google_cloud_run_v2_job.analyze : key => job.name }
}

output "work_subscription" {
  description = "Name of the subscription that tasks pull photos from."
  value       = google_pubsub_subscription.work.name
}
