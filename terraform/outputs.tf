output "project_id" {
  description = "For the apps: the project of the documents."
  value       = var.project_id
}

output "photo_bucket" {
  description = "For photographers and apps: drop photos here, as ALBUM/ANYTHING.jpg."
  value       = module.photo_bucket.photo_bucket
}

output "derived_bucket" {
  description = "For apps: sidecars and previews."
  value       = module.photo_bucket.derived_bucket
}

output "api_url" {
  description = "For apps: the JSON API is at this address followed by /v1; docs/api.md."
  value       = coalesce(local.api_url, module.http["api"].uri)
}

output "rekognition_url" {
  description = "For AWS SDKs: their endpoint_url; docs/rekognition.md. Null where the load balancer has no host for it."
  value = (
    var.search.exposure != "load_balancer" ? module.http["rekognition"].uri :
    var.search.rekognition_domain != null ? "https://${var.search.rekognition_domain}" : null
  )
}

output "results_topic" {
  description = "For other programs: what became of each photo."
  value       = local.topic["results"]
}

output "front_address" {
  description = "Where the search domain's A record must point; null without a load balancer."
  value       = one(module.public_gateway[*].address)
}

output "key_secret" {
  description = "Secret that AWS credentials of API keys are derived from; see docs/rotate-keys.md."
  value       = local.key_secret
}

output "image_repository" {
  description = "For the deploy: where images are pushed to."
  value       = module.foundation.repository_url
}

output "builds_bucket" {
  description = "For the deploy: where `gcloud builds submit` puts the source."
  value       = module.foundation.builds_bucket
}

output "deployer" {
  description = "For the deploy: the account that Cloud Build runs as."
  value       = module.foundation.deployer.email
}

output "workload_identity_provider" {
  description = "For a deploy from GitHub: the provider that its workflow names; null when there is none."
  value       = module.foundation.workload_identity_provider
}

output "environment" {
  description = "For operators: the variables by which `photofinish status`, `reconcile` and `redrive` reach this deployment."
  value       = local.env
}

output "services" {
  description = "For the deploy: the functions' services, event functions first."
  value = {
    events = [for function in local.event_functions : function.name]
    http   = keys(module.http)
  }
}

output "jobs" {
  description = "For the deploy: the analysis job and the migration job."
  value = {
    analyze = module.gpu_job.name
    migrate = module.vector_database.migration_job
  }
}
