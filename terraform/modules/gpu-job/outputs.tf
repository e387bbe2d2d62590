output "names" {
  description = "Names of the jobs: `main`, and with processor = auto its `fallback` without GPU."
  value       = { for key, job in google_cloud_run_v2_job.analyze : key => job.name }
}

output "work_subscriptions" {
  description = "Names of the subscriptions that tasks pull photos from, by lane."
  value       = { for lane, subscription in google_pubsub_subscription.work : lane => subscription.name }
}
