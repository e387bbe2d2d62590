# APIs, service agents, images, secrets and the deployer.

mock_provider "google" {
  mock_resource "google_service_account" {
    defaults = {
      email  = "photofinish-deployer@my-project.iam.gserviceaccount.com"
      member = "serviceAccount:photofinish-deployer@my-project.iam.gserviceaccount.com"
      name   = "projects/my-project/serviceAccounts/photofinish-deployer@my-project.iam.gserviceaccount.com"
    }
  }
}
mock_provider "google-beta" {}
mock_provider "time" {}

variables {
  project_id = "my-project"
  region     = "europe-west1"
}

run "defaults" {
  module {
    source = "./modules/foundation"
  }

  assert {
    condition     = alltrue([for api in google_project_service.api : !api.disable_on_destroy])
    error_message = "A destroy leaves APIs enabled: something else may use them."
  }
  assert {
    condition     = !google_artifact_registry_repository.images.cleanup_policy_dry_run && length(google_artifact_registry_repository.images.docker_config) == 0 && length(google_artifact_registry_repository.images.cleanup_policies) == 2
    error_message = "Old images are deleted, which immutable tags would prevent."
  }
  assert {
    condition     = length(setintersection(keys(google_project_iam_member.deployer), ["roles/owner", "roles/editor", "roles/viewer"])) == 0
    error_message = "The deployer has no basic role."
  }
  assert {
    condition     = length([for role in keys(google_project_iam_member.deployer) : role if can(regex("(?i)admin|editor|developer|serviceAccountUser|secretAccessor", role))]) == 0
    error_message = "On the whole project the deployer only reads and writes logs."
  }
  assert {
    condition     = google_artifact_registry_repository_iam_member.deployer_writes.role == "roles/artifactregistry.writer" && google_artifact_registry_repository_iam_member.deployer_writes.member == google_service_account.deployer.member
    error_message = "The deployer pushes images to this repository."
  }
  assert {
    condition     = length(google_iam_workload_identity_pool.deploy) == 0 && length(google_kms_crypto_key_iam_member.service_agent) == 0 && length(google_secret_manager_secret.secret) == 0
    error_message = "By default no secret, key grant or identity pool is created."
  }
  assert {
    condition     = output.repository_url == "europe-west1-docker.pkg.dev/my-project/photofinish" || endswith(output.repository_url, "-docker.pkg.dev/my-project/photofinish")
    error_message = "Images are pushed to REGION-docker.pkg.dev/PROJECT/photofinish."
  }
}

run "what_the_deployer_may_change" {
  module {
    source = "./modules/foundation"
  }

  assert {
    condition = { for name, role in google_project_iam_custom_role.deployer : name => role.permissions } == {
      photofinishPlans    = toset(["datastore.databases.getMetadata", "datastore.indexes.get", "datastore.indexes.list"])
      photofinishDeploys  = toset(["run.jobs.update", "run.services.update"])
      photofinishMigrates = toset(["run.jobs.run", "run.jobs.update"])
    }
    error_message = "It reads no document, starts only migrations, without overrides, and opens no shell."
  }
  assert {
    condition     = !contains(keys(google_project_iam_member.deployer), "roles/datastore.viewer") && output.deploys.role == google_project_iam_custom_role.deployer["photofinishDeploys"].name && output.migrates.role == google_project_iam_custom_role.deployer["photofinishMigrates"].name
    error_message = "Each of its roles goes where it belongs."
  }
}

run "what_the_deployer_reads" {
  module {
    source = "./modules/foundation"
  }
  variables {
    state_bucket = "my-state"
  }

  assert {
    condition     = { for name, binding in google_storage_bucket_iam_member.deployer_reads : binding.bucket => binding.role } == { my-project-builds = "roles/storage.objectViewer", my-state = "roles/storage.objectViewer" }
    error_message = "The deployer reads the source and the state."
  }
}

run "secrets" {
  module {
    source = "./modules/foundation"
  }
  variables {
    secrets = { with-placeholder = { placeholder = "0000" }, empty = {} }
  }

  assert {
    condition     = toset(keys(google_secret_manager_secret.secret)) == toset(["with-placeholder", "empty"]) && keys(google_secret_manager_secret_version.placeholder) == ["with-placeholder"]
    error_message = "Only a secret with a placeholder gets a version."
  }
  assert {
    condition     = google_secret_manager_secret_iam_member.deployer_adds["empty"].role == "roles/secretmanager.secretVersionAdder" && google_secret_manager_secret_iam_member.deployer_adds["empty"].member == google_service_account.deployer.member
    error_message = "The deployer may add versions but not read them."
  }
  assert {
    condition     = google_secret_manager_secret.secret["empty"].replication[0].user_managed[0].replicas[0].location == "europe-west1"
    error_message = "Secrets are stored in the region only."
  }
}

run "customer_managed_key" {
  module {
    source = "./modules/foundation"
  }
  variables {
    kms_key = "projects/p/locations/europe-west1/keyRings/r/cryptoKeys/k"
    secrets = { one = {} }
  }

  assert {
    condition = toset(keys(google_kms_crypto_key_iam_member.service_agent)) == toset([
      "artifactregistry.googleapis.com", "pubsub.googleapis.com", "run.googleapis.com", "secretmanager.googleapis.com",
      "sqladmin.googleapis.com", "storage.googleapis.com",
    ])
    error_message = "Every service that stores data may use the key, except Firestore, which has its own."
  }
  assert {
    condition     = alltrue([for binding in google_kms_crypto_key_iam_member.service_agent : binding.role == "roles/cloudkms.cryptoKeyEncrypterDecrypter"])
    error_message = "They may encrypt and decrypt, but not manage the key."
  }
  assert {
    condition     = google_artifact_registry_repository.images.kms_key_name == var.kms_key && google_secret_manager_secret.secret["one"].replication[0].user_managed[0].replicas[0].customer_managed_encryption[0].kms_key_name == var.kms_key
    error_message = "Images and secrets are encrypted with the key."
  }
}

run "a_key_for_firestore" {
  module {
    source = "./modules/foundation"
  }
  variables {
    firestore_kms_key = "projects/p/locations/europe-west1/keyRings/r/cryptoKeys/documents"
  }

  assert {
    condition     = { for service, binding in google_kms_crypto_key_iam_member.service_agent : service => binding.crypto_key_id } == { "firestore.googleapis.com" = var.firestore_kms_key }
    error_message = "Only Firestore may use its key."
  }
  assert {
    condition     = output.firestore_kms_key == var.firestore_kms_key && output.kms_key == null
    error_message = "Nothing else is encrypted with Firestore's key."
  }
}

run "service_agents" {
  module {
    source = "./modules/foundation"
  }

  assert {
    condition = { for service, binding in google_project_iam_member.agent : service => binding.role } == {
      "eventarc.googleapis.com"  = "roles/eventarc.serviceAgent"
      "workflows.googleapis.com" = "roles/workflows.serviceAgent"
    }
    error_message = "An agent that is created on request has only the roles that are granted; Pub/Sub's and Cloud Scheduler's get theirs on single resources."
  }
  assert {
    condition     = output.project_id == "my-project" && time_sleep.apis_usable.create_duration == "60s" && time_sleep.agents_usable.create_duration == "120s"
    error_message = "APIs and grants have time to take effect."
  }
  assert {
    condition     = time_sleep.apis_usable.triggers["apis"] == join(" ", sort(var.apis))
    error_message = "An API that is enabled later is waited for."
  }
}

run "deploy_from_github" {
  module {
    source = "./modules/foundation"
  }
  variables {
    deploy_from_github = { repository = "someone/photofinish" }
  }

  assert {
    condition     = google_iam_workload_identity_pool_provider.github[0].attribute_condition == "assertion.repository == 'someone/photofinish' && assertion.ref == 'refs/heads/main'"
    error_message = "Only the main branch of this repository gets a token."
  }
  assert {
    condition     = google_service_account_iam_member.github_deploys[0].role == "roles/iam.workloadIdentityUser" && endswith(google_service_account_iam_member.github_deploys[0].member, "/attribute.repository/someone/photofinish")
    error_message = "It acts as the deployer."
  }
  assert {
    condition     = google_project_iam_member.github_builds[0].role == "roles/cloudbuild.builds.editor" && google_storage_bucket_iam_member.github_uploads[0].bucket == "my-project-builds" && google_service_account_iam_member.github_builds_as[0].member == google_service_account.deployer.member
    error_message = "The deployer may submit a build that runs as itself."
  }
}

run "a_key_of_another_kind_is_refused" {
  command = plan
  module {
    source = "./modules/foundation"
  }
  variables {
    kms_key = "my-key"
  }
  expect_failures = [var.kms_key]
}

run "a_key_of_another_kind_is_refused_for_firestore" {
  command = plan
  module {
    source = "./modules/foundation"
  }
  variables {
    firestore_kms_key = "my-key"
  }
  expect_failures = [var.firestore_kms_key]
}

run "a_wrong_repository_is_refused" {
  command = plan
  module {
    source = "./modules/foundation"
  }
  variables {
    deploy_from_github = { repository = "https://github.com/someone/photofinish" }
  }
  expect_failures = [var.deploy_from_github]
}

run "keeping_one_image_is_refused" {
  command = plan
  module {
    source = "./modules/foundation"
  }
  variables {
    repository = { keep_versions = 1 }
  }
  expect_failures = [var.repository]
}
