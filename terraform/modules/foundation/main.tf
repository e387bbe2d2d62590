# What every other module needs: APIs, service agents, the image repository, secrets, and the deployer.

resource "google_project_service" "api" {
  for_each = var.apis

  project            = var.project_id
  service            = each.key
  disable_on_destroy = false
}

# Google's service accounts for its own services. Created here, so that they can be granted roles before their first use.
resource "google_project_service_identity" "agent" {
  provider = google-beta
  for_each = toset(concat(
    ["cloudscheduler.googleapis.com", "eventarc.googleapis.com", "pubsub.googleapis.com"],
    var.kms_key == null ? [] : local.encrypting_services,
  ))

  project = var.project_id
  service = each.key

  depends_on = [google_project_service.api]
}

data "google_storage_project_service_account" "storage" {
  project    = var.project_id
  depends_on = [google_project_service.api]
}

locals {
  encrypting_services = [
    "artifactregistry.googleapis.com",
    "firestore.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "sqladmin.googleapis.com",
  ]
}

resource "google_kms_crypto_key_iam_member" "service_agent" {
  for_each = var.kms_key == null ? {} : merge(
    { for service in concat(local.encrypting_services, ["pubsub.googleapis.com"]) : service => google_project_service_identity.agent[service].member },
    { "storage.googleapis.com" = data.google_storage_project_service_account.storage.member },
  )

  crypto_key_id = var.kms_key
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = each.value
}

resource "google_artifact_registry_repository" "images" {
  project                = var.project_id
  location               = var.region
  repository_id          = var.repository.name
  description            = "Images of the functions and of the analysis job."
  format                 = "DOCKER"
  kms_key_name           = var.kms_key
  cleanup_policy_dry_run = false

  docker_config {
    immutable_tags = true
  }

  vulnerability_scanning_config {
    enablement_config = "INHERITED"
  }

  cleanup_policies {
    id     = "keep-newest"
    action = "KEEP"
    most_recent_versions {
      keep_count = var.repository.keep_versions
    }
  }

  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      tag_state  = "ANY"
      older_than = "${var.repository.delete_after_days * 24 * 3600}s"
    }
  }

  depends_on = [google_project_service.api, google_kms_crypto_key_iam_member.service_agent]
}

resource "google_secret_manager_secret" "secret" {
  for_each = var.secrets

  project   = var.project_id
  secret_id = each.key

  replication {
    user_managed {
      replicas {
        location = var.region
        dynamic "customer_managed_encryption" {
          for_each = var.kms_key == null ? [] : [var.kms_key]
          content {
            kms_key_name = customer_managed_encryption.value
          }
        }
      }
    }
  }

  depends_on = [google_project_service.api, google_kms_crypto_key_iam_member.service_agent]
}

resource "google_secret_manager_secret_version" "placeholder" {
  for_each = { for name, secret in var.secrets : name => secret.placeholder if secret.placeholder != null }

  secret          = google_secret_manager_secret.secret[each.key].id
  secret_data     = each.value
  deletion_policy = "ABANDON"
}

# The deploy adds the first version of a secret that no person needs to know. It cannot read secrets.
resource "google_secret_manager_secret_iam_member" "deployer_adds" {
  for_each = var.secrets

  project   = var.project_id
  secret_id = google_secret_manager_secret.secret[each.key].secret_id
  role      = "roles/secretmanager.secretVersionAdder"
  member    = google_service_account.deployer.member
}

# --- who deploys ---

resource "google_service_account" "deployer" {
  project      = var.project_id
  account_id   = "photofinish-deployer"
  display_name = "Builds and deploys photofinish (Cloud Build runs as this)"

  depends_on = [google_project_service.api]
}

# The deployer writes images and logs, and reads what `terraform plan` compares. The module of each service and job grants
# the right to deploy it.
resource "google_project_iam_member" "deployer" {
  for_each = toset([
    "roles/artifactregistry.reader",
    "roles/browser",
    "roles/cloudkms.viewer",
    "roles/cloudscheduler.viewer",
    "roles/cloudsql.viewer",
    "roles/compute.networkViewer",
    "roles/containeranalysis.occurrences.viewer",
    "roles/datastore.viewer",
    "roles/eventarc.viewer",
    "roles/firebaserules.viewer",
    "roles/iam.securityReviewer",
    "roles/iam.serviceAccountViewer",
    "roles/iam.workloadIdentityPoolViewer",
    "roles/logging.logWriter",
    "roles/monitoring.viewer",
    "roles/pubsub.viewer",
    "roles/run.viewer",
    "roles/secretmanager.viewer",
    "roles/serviceusage.serviceUsageConsumer",
    "roles/storage.bucketViewer",
    "roles/workflows.viewer",
  ])

  project = var.project_id
  role    = each.key
  member  = google_service_account.deployer.member
}

resource "google_artifact_registry_repository_iam_member" "deployer_writes" {
  project    = var.project_id
  location   = google_artifact_registry_repository.images.location
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.deployer.member
}

# `gcloud builds submit` uploads the source here. It is kept for a week, to investigate a build.
resource "google_storage_bucket" "builds" {
  project                     = var.project_id
  name                        = "${var.project_id}-builds"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age = 7
    }
  }

  dynamic "encryption" {
    for_each = var.kms_key == null ? [] : [var.kms_key]
    content {
      default_kms_key_name = encryption.value
    }
  }

  depends_on = [google_project_service.api, google_kms_crypto_key_iam_member.service_agent]
}

resource "google_storage_bucket_iam_member" "deployer_reads" {
  for_each = merge({ builds = google_storage_bucket.builds.name }, var.state_bucket == null ? {} : { state = var.state_bucket })

  bucket = each.value
  role   = "roles/storage.objectViewer"
  member = google_service_account.deployer.member
}

resource "google_iam_workload_identity_pool" "deploy" {
  count = var.deploy_from_github == null ? 0 : 1

  project                   = var.project_id
  workload_identity_pool_id = "photofinish-deploy"
  display_name              = "Deploys of photofinish"

  depends_on = [google_project_service.api]
}

resource "google_iam_workload_identity_pool_provider" "github" {
  count = var.deploy_from_github == null ? 0 : 1

  project                            = var.project_id
  workload_identity_pool_id          = google_iam_workload_identity_pool.deploy[0].workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  # Without this condition any GitHub repository could obtain a token.
  attribute_condition = "assertion.repository == '${var.deploy_from_github.repository}' && assertion.ref == '${var.deploy_from_github.ref}'"
  attribute_mapping = {
    "google.subject"       = "assertion.sub"
    "attribute.repository" = "assertion.repository"
  }

  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_service_account_iam_member" "github_deploys" {
  count = var.deploy_from_github == null ? 0 : 1

  service_account_id = google_service_account.deployer.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.deploy[0].name}/attribute.repository/${var.deploy_from_github.repository}"
}
