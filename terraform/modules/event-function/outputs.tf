output "name" {
  description = "Name of the service."
  value       = module.service.name
}

output "email" {
  description = "The function's own account."
  value       = module.service.email
}

output "member" {
  description = "The function's own account as an IAM member."
  value       = module.service.member
}

output "subscriptions" {
  description = "Names of its push subscriptions."
  value       = [for subscription in google_pubsub_subscription.push : subscription.name]
}
