output "name" {
  description = "Name of the Cloud Run service."
  value       = module.service.name
}

output "email" {
  description = "E-mail address of the function's service account."
  value       = module.service.email
}

output "member" {
  description = "The function's service account as an IAM member."
  value       = module.service.member
}

output "subscriptions" {
  description = "Names of the push subscriptions."
  value       = [for subscription in google_pubsub_subscription.push : subscription.name]
}
