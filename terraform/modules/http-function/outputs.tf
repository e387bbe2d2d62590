output "name" {
  description = "Name of the Cloud Run service."
  value       = module.service.name
}

output "uri" {
  description = "URL of the service. Behind a load balancer it does not answer here."
  value       = module.service.uri
}

output "email" {
  description = "E-mail address of the function's service account."
  value       = module.service.email
}

output "member" {
  description = "The function's service account as an IAM member."
  value       = module.service.member
}
