variable "project_id" {
  description = "Project of all resources."
  type        = string
}

variable "region" {
  description = "Region of the image repository, secrets and builds bucket."
  type        = string
}

variable "apis" {
  description = "APIs to enable. They stay enabled after a destroy, because something else in the project may use them."
  type        = set(string)
  default = [
    "artifactregistry.googleapis.com",
    "billingbudgets.googleapis.com",
    "cloudbuild.googleapis.com",
    "cloudkms.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "cloudscheduler.googleapis.com",
    "compute.googleapis.com",
    "containeranalysis.googleapis.com",
    "containerscanning.googleapis.com",
    "dns.googleapis.com",
    "eventarc.googleapis.com",
    "firebaserules.googleapis.com",
    "firestore.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "pubsub.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "servicenetworking.googleapis.com",
    "serviceusage.googleapis.com",
    "sqladmin.googleapis.com",
    "storage.googleapis.com",
    "sts.googleapis.com",
    "workflows.googleapis.com",
  ]
}

variable "repository" {
  description = "Image repository: its name, how many newest versions of each image to keep, and days after which the others are deleted."
  type = object({
    name              = optional(string, "photofinish")
    keep_versions     = optional(number, 10)
    delete_after_days = optional(number, 30)
  })
  default = {}

  validation {
    condition     = var.repository.keep_versions >= 2
    error_message = "repository.keep_versions must be at least 2: a rollback needs the previous version."
  }
}

variable "secrets" {
  description = "Secrets to create, by name, without values, so that no secret is in Terraform's state: the deploy or an operator adds them. `placeholder`: a first, non-secret version, because a service cannot start without one."
  type        = map(object({ placeholder = optional(string) }))
  default     = {}
}

variable "kms_key" {
  description = "Cloud KMS key that encrypts all data but Firestore's (projects/P/locations/L/keyRings/R/cryptoKeys/K), in the same region; null for keys managed by Google."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key == null || can(regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key))
    error_message = "kms_key must be projects/P/locations/L/keyRings/R/cryptoKeys/K."
  }
}

variable "firestore_kms_key" {
  description = "Cloud KMS key that encrypts Firestore, as `kms_key` does not: a project may have no such database until Google raises the quota (docs.cloud.google.com/firestore/quotas). Null for a key managed by Google."
  type        = string
  default     = null

  validation {
    condition     = var.firestore_kms_key == null || can(regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.firestore_kms_key))
    error_message = "firestore_kms_key must be projects/P/locations/L/keyRings/R/cryptoKeys/K."
  }
}

variable "wait_s" {
  description = "Seconds to wait, on the first apply, until APIs that were enabled and roles that were granted to Google's service agents take effect."
  type = object({
    apis   = optional(number, 60)
    grants = optional(number, 120)
  })
  default = {}
}

variable "state_bucket" {
  description = "Bucket of Terraform's state, which the deployer reads to run `terraform plan`; null when the state is elsewhere."
  type        = string
  default     = null
}

variable "deploy_from_github" {
  description = "GitHub repository (OWNER/NAME) and ref whose workflows may deploy by Workload Identity Federation, without a key; null for none."
  type = object({
    repository = string
    ref        = optional(string, "refs/heads/main")
  })
  default = null

  validation {
    condition     = var.deploy_from_github == null || can(regex("^[\\w.-]+/[\\w.-]+$", var.deploy_from_github.repository))
    error_message = "deploy_from_github.repository must be OWNER/NAME."
  }
}
