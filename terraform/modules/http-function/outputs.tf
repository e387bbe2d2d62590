output "name" {
  description = "Name of the service."
  value       = module.service.name
}

output "uri" {
  description = "Its own address; behind a load balancer it answers there only."
  value       = module.service.uri
}

output "email" {
  description = "The function's own account."
  value       = module.service.email
}

output "member" {
  description = "The function's own account as an IAM member."
  value       = module.service.member
}
