output "name" {
  description = "Name of the Cloud Run service."
  value       = google_cloud_run_v2_service.function.name
}

output "uri" {
  description = "URL of the service."
  value       = google_cloud_run_v2_service.function.uri
}

output "email" {
  description = "E-mail address of the function's service account."
  value       = google_service_account.function.email
}

output "account" {
  description = "Full name of the function's service account."
  value       = google_service_account.function.name
}

output "member" {
  description = "The function's service account as an IAM member."
  value       = google_service_account.function.member
}

output "ingress" {
  description = "Ingress setting of the service, as Cloud Run names it."
  value       = google_cloud_run_v2_service.function.ingress
}

output "uses_database" {
  description = "Whether the database proxy runs as a sidecar."
  value       = length(google_cloud_run_v2_service.function.template[0].containers) == 2
}

output "open_to_everyone" {
  description = "Whether Cloud Run checks no caller's roles."
  value       = google_cloud_run_v2_service.function.invoker_iam_disabled
}
