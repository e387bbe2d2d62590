# What every other module needs: APIs, service agents, the image repository, secrets, and the deployer.

resource "google_project_service" "api" {
  for_each = var.apis

  project            = var.project_id
  service            = each.key
  disable_on_destroy = false
}

# For some minutes after it was enabled, an API may still answer SERVICE_DISABLED, and the provider does not try again.
# Everything that needs an API depends on this, by `project_id` of this module; check_graph.py checks it.
resource "time_sleep" "apis_usable" {
  create_duration = "${var.wait_s.apis}s"
  triggers        = { apis = join(" ", sort(var.apis)) } # an API that is enabled later is waited for, too

  depends_on = [google_project_service.api]
}

# --- Google's service accounts for its own services ---

locals {
  # Created here, so that they can be granted roles before their first use. An agent that is created on request does not
  # get its usual role by itself (docs.cloud.google.com/iam/docs/create-service-agents), so it is granted here, too;
  # docs.cloud.google.com/iam/docs/service-agents lists the roles.
  agent_roles = merge(
    {
      "cloudscheduler.googleapis.com" = null # publishes to single topics: each has a grant of its own
      "eventarc.googleapis.com"       = "roles/eventarc.serviceAgent"
      "pubsub.googleapis.com"         = null # makes tokens of single accounts: each has a grant of its own
      "workflows.googleapis.com"      = "roles/workflows.serviceAgent"
    },
    var.kms_key == null ? {} : {
      "artifactregistry.googleapis.com" = "roles/artifactregistry.serviceAgent"
      "run.googleapis.com"              = "roles/run.serviceAgent"
      "secretmanager.googleapis.com"    = null
      "sqladmin.googleapis.com"         = "roles/cloudsql.serviceAgent"
    },
    var.firestore_kms_key == null ? {} : { "firestore.googleapis.com" = "roles/firestore.serviceAgent" },
  )
  encrypts = merge(
    var.kms_key == null ? {} : {
      for service in ["artifactregistry", "pubsub", "run", "secretmanager", "sqladmin", "storage"] : "${service}.googleapis.com" => var.kms_key
    },
    var.firestore_kms_key == null ? {} : { "firestore.googleapis.com" = var.firestore_kms_key },
  )
  agents = merge(
    { for service, agent in google_project_service_identity.agent : service => agent.member },
    { "storage.googleapis.com" = data.google_storage_project_service_account.storage.member },
  )
}

resource "google_project_service_identity" "agent" {
  provider = google-beta
  for_each = local.agent_roles

  project = var.project_id
  service = each.key

  depends_on = [time_sleep.apis_usable]
}

data "google_storage_project_service_account" "storage" {
  project    = var.project_id
  depends_on = [time_sleep.apis_usable]
}

resource "google_project_iam_member" "agent" {
  for_each = { for service, role in local.agent_roles : service => role if role != null }

  project = var.project_id
  role    = each.value
  member  = google_project_service_identity.agent[each.key].member
}

resource "google_kms_crypto_key_iam_member" "service_agent" {
  for_each = local.encrypts

  crypto_key_id = each.value
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = local.agents[each.key]
}

# A grant takes effect within about two minutes (docs.cloud.google.com/iam/docs/access-change-propagation); until then a
# trigger of Eventarc or an encrypted bucket is refused. The outputs `service_agents`, `kms_key` and `firestore_kms_key`
# depend on this.
resource "time_sleep" "agents_usable" {
  create_duration = "${var.wait_s.grants}s"
  triggers        = merge(local.encrypts, { for service in keys(local.agent_roles) : service => coalesce(local.agent_roles[service], "-") })

  depends_on = [google_project_iam_member.agent, google_kms_crypto_key_iam_member.service_agent]
}

# --- images and secrets ---

resource "google_artifact_registry_repository" "images" {
  project                = var.project_id
  location               = var.region
  repository_id          = var.repository.name
  description            = "Images of the functions and of the analysis job."
  format                 = "DOCKER"
  kms_key_name           = var.kms_key
  cleanup_policy_dry_run = false

  # Tags stay mutable: an immutable tag cannot be deleted, nor then its image by the policies below (the provider's document
  # of docker_config). Services and jobs name images by digest, so moving a tag changes nothing that runs.

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

  depends_on = [time_sleep.apis_usable, time_sleep.agents_usable]
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

  depends_on = [time_sleep.apis_usable, time_sleep.agents_usable]
}

resource "google_secret_manager_secret_version" "placeholder" {
  for_each = { for name, secret in var.secrets : name => secret.placeholder if secret.placeholder != null }

  secret = google_secret_manager_secret.secret[each.key].id
  # Write-only: to refresh `secret_data` the provider reads the value, which the deployer may not
  # (magic-modules, templates/terraform/custom_flatten/secret_version_access.go.tmpl).
  secret_data_wo         = each.value
  secret_data_wo_version = "1"
  deletion_policy        = "ABANDON"
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

  depends_on = [time_sleep.apis_usable]
}

# The deployer writes images and logs, reads the logs of a canary, and reads what `terraform plan` compares: a test holds these
# roles against tables/. The module of each service and job grants the right to deploy it.
resource "google_project_iam_member" "deployer" {
  for_each = toset([
    "roles/artifactregistry.reader",
    "roles/browser",
    "roles/cloudkms.viewer",
    "roles/cloudscheduler.viewer",
    "roles/cloudsql.viewer",
    "roles/compute.networkViewer", # servicenetworking.services.get is only here
    "roles/compute.viewer",
    "roles/containeranalysis.occurrences.viewer",
    "roles/datastore.backupSchedulesViewer",
    "roles/dns.reader",
    "roles/eventarc.viewer",
    "roles/firebaserules.viewer",
    "roles/iam.securityReviewer",
    "roles/iam.serviceAccountViewer",
    "roles/iam.workloadIdentityPoolViewer",
    "roles/logging.logWriter",
    "roles/logging.viewer",
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

# Google's roles permit more: Datastore Viewer also reads documents; Cloud Run Developer also starts any task with other
# arguments, and opens a shell in a running one (run.jobs.sshRoot). These roles of the project's own permit no more.
resource "google_project_iam_custom_role" "deployer" {
  for_each = {
    photofinishPlans    = ["datastore.databases.getMetadata", "datastore.indexes.get", "datastore.indexes.list"]
    photofinishDeploys  = ["run.jobs.update", "run.services.update"] # it reads them by a viewer role, above
    photofinishMigrates = ["run.jobs.run", "run.jobs.update"]
  }

  project     = var.project_id
  role_id     = each.key
  title       = each.key
  permissions = each.value

  depends_on = [time_sleep.apis_usable]
}

resource "google_project_iam_member" "deployer_plans" {
  project = var.project_id
  role    = google_project_iam_custom_role.deployer["photofinishPlans"].name
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

  depends_on = [time_sleep.apis_usable, time_sleep.agents_usable]
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

  depends_on = [time_sleep.apis_usable]
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

# `gcloud builds submit` by the workflow, as the deployer: upload the source, start the build, and have it run as the deployer.
resource "google_project_iam_member" "github_builds" {
  count = var.deploy_from_github == null ? 0 : 1

  project = var.project_id
  role    = "roles/cloudbuild.builds.editor"
  member  = google_service_account.deployer.member
}

resource "google_storage_bucket_iam_member" "github_uploads" {
  count = var.deploy_from_github == null ? 0 : 1

  bucket = google_storage_bucket.builds.name
  role   = "roles/storage.objectCreator"
  member = google_service_account.deployer.member
}

resource "google_service_account_iam_member" "github_builds_as" {
  count = var.deploy_from_github == null ? 0 : 1

  service_account_id = google_service_account.deployer.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.deployer.member
}
