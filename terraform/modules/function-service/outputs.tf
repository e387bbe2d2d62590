output "name" {
  description = "Name of the service."
  value       = google_cloud_run_v2_service.function.name
}

output "uri" {
  description = "Its address."
  value       = google_cloud_run_v2_service.function.uri
}

output "email" {
  description = "The function's own account."
  value       = google_service_account.function.email
}

output "account" {
  description = "Full name of the function's own account."
  value       = google_service_account.function.name
}

output "member" {
  description = "The function's own account as an IAM member."
  value       = google_service_account.function.member
}

output "ingress" {
  description = "Who reaches it, in Cloud Run's words."
  value       = google_cloud_run_v2_service.function.ingress
}

output "uses_database" {
  description = "Whether the database's proxy stands beside it."
  value       = length(google_cloud_run_v2_service.function.template[0].containers) == 2
}
