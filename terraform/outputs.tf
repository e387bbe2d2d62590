output "project_id" {
  description = "For apps: the project that holds the Firestore documents."
  value       = var.project_id
}

output "photo_bucket" {
  description = "For photographers and apps: the bucket to drop photos into, as ALBUM/ANYTHING.jpg."
  value       = module.photo_bucket.photo_bucket
}

output "derived_bucket" {
  description = "For apps: the bucket of sidecars and previews."
  value       = module.photo_bucket.derived_bucket
}

output "api_url" {
  description = "For apps: address of the JSON API, without /v1. See docs/api.md."
  value       = var.search.exposure == "load_balancer" ? "https://${var.search.domain}" : module.http_function["api"].uri
}

output "live_url" {
  description = "For apps: address of live streams, without /v1. See docs/events.md."
  value       = var.search.exposure == "load_balancer" ? "https://${var.search.domain}" : module.http_function["live"].uri
}

output "rekognition_url" {
  description = "For AWS SDKs: their endpoint_url. Null behind a load balancer without a rekognition_domain. See docs/rekognition.md."
  value = (
    var.search.exposure != "load_balancer" ? module.http_function["rekognition"].uri :
    var.search.rekognition_domain != null ? "https://${var.search.rekognition_domain}" : null
  )
}

output "results_topic" {
  description = "For other programs: the topic that publishes the outcome of every photo."
  value       = local.topic["results"]
}

output "front_address" {
  description = "Address for the A record of the search domain; null without a load balancer."
  value       = one(module.public_gateway[*].address)
}

output "key_secret" {
  description = "Name of the secret that the AWS credentials of API keys are derived from. See docs/rotate-keys.md."
  value       = local.key_secret
}

output "image_repository" {
  description = "For the deploy: repository that images are pushed to."
  value       = module.foundation.repository_url
}

output "builds_bucket" {
  description = "For the deploy: bucket that `gcloud builds submit` uploads the source to."
  value       = module.foundation.builds_bucket
}

output "deployer" {
  description = "For the deploy: service account that Cloud Build runs as."
  value       = module.foundation.deployer.email
}

output "workload_identity_provider" {
  description = "For a deploy from GitHub: the provider that the workflow names; null without deploy_from_github."
  value       = module.foundation.workload_identity_provider
}

output "environment" {
  description = "For operators: environment variables with which `photofinish status`, `reconcile` and `redrive` reach this deployment."
  value       = local.env
}

output "services" {
  description = "For the deploy: Cloud Run services of the functions."
  value = {
    events = keys(module.event_function)
    http   = keys(module.http_function)
  }
}

output "run_demand" {
  description = "For operators: the most that functions and tasks use of Cloud Run's quotas in the region, and of the database's connections."
  value       = merge(local.run_demand, { connections = local.connections.needed })

  precondition {
    condition     = local.connections.needed + local.connections.reserved <= module.vector_database.max_connections
    error_message = "Functions and tasks may open ${local.connections.needed} connections, but the database accepts ${module.vector_database.max_connections}, of which ${local.connections.reserved} are reserved (sizes.tf): choose a larger database.tier, or fewer instances or tasks."
  }
}

output "jobs" {
  description = "For the deploy: the analysis jobs and the migration job."
  value = {
    analyze = values(module.gpu_job.names)
    migrate = module.vector_database.migration_job
  }
}
