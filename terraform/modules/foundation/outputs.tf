output "project_id" {
  description = "The project, once its APIs can be used. Whatever is created in the project takes its ID from here."
  value       = var.project_id

  depends_on = [time_sleep.apis_usable]
}

output "service_agents" {
  description = "IAM members of Google's service agents, once they have their roles: pubsub, scheduler, storage."
  value = {
    pubsub    = local.agents["pubsub.googleapis.com"]
    scheduler = local.agents["cloudscheduler.googleapis.com"]
    storage   = local.agents["storage.googleapis.com"]
  }

  depends_on = [time_sleep.agents_usable]
}

output "kms_key" {
  description = "The key, once Google's service agents may use it; null without one."
  value       = var.kms_key

  depends_on = [time_sleep.agents_usable]
}

output "firestore_kms_key" {
  description = "The key of Firestore, once its service agent may use it; null without one."
  value       = var.firestore_kms_key

  depends_on = [time_sleep.agents_usable]
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

output "deploys" {
  description = "Who deploys images to services and jobs, and the role that permits it there."
  value       = { member = google_service_account.deployer.member, role = google_project_iam_custom_role.deployer["photofinishDeploys"].name }
}

output "migrates" {
  description = "Who deploys an image to the migration job and runs it, and the role that permits it there."
  value       = { member = google_service_account.deployer.member, role = google_project_iam_custom_role.deployer["photofinishMigrates"].name }
}

output "workload_identity_provider" {
  description = "Name of the provider that GitHub workflows authenticate with; null without deploy_from_github."
  value       = one(google_iam_workload_identity_pool_provider.github[*].name)
}
