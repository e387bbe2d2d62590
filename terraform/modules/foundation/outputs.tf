output "service_agents" {
  description = "IAM members of Google's service agents: pubsub, scheduler, storage."
  value = {
    pubsub    = google_project_service_identity.agent["pubsub.googleapis.com"].member
    scheduler = google_project_service_identity.agent["cloudscheduler.googleapis.com"].member
    storage   = data.google_storage_project_service_account.storage.member
  }
}

output "repository_url" {
  description = "Repository that images are pushed to."
  value       = "${google_artifact_registry_repository.images.location}-docker.pkg.dev/${var.project_id}/${google_artifact_registry_repository.images.repository_id}"
}

output "builds_bucket" {
  description = "Bucket that `gcloud builds submit` uploads the source to."
  value       = google_storage_bucket.builds.name
}

output "secret_ids" {
  description = "Full names of the secrets, by short name."
  value       = { for name, secret in google_secret_manager_secret.secret : name => secret.id }

  # A service cannot start without a version of each of its secrets.
  depends_on = [google_secret_manager_secret_version.placeholder]
}

output "deployer" {
  description = "Service account that Cloud Build runs as."
  value = {
    email  = google_service_account.deployer.email
    member = google_service_account.deployer.member
  }
}

output "workload_identity_provider" {
  description = "Name of the provider that GitHub workflows authenticate with; null without deploy_from_github."
  value       = one(google_iam_workload_identity_pool_provider.github[*].name)
}
