variable "project_id" {
  description = "Project that holds everything."
  type        = string
}

variable "region" {
  description = "Region of the image repository."
  type        = string
}

variable "apis" {
  description = "APIs that are switched on. They stay on after a destroy: other things in the project may use them."
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
  description = "Image repository: its name, how many newest versions of each image stay, and when the others go."
  type = object({
    name              = optional(string, "photofinish")
    keep_versions     = optional(number, 10)
    delete_after_days = optional(number, 30)
  })
  default = {}

  validation {
    condition     = var.repository.keep_versions >= 2
    error_message = "Keep at least 2 versions of each image: a roll back needs the one before."
  }
}

variable "secrets" {
  description = "Secrets to create, without values: an operator adds these, so that none lies in the state. `placeholder` is a first version that is no secret, for services that cannot start without any."
  type        = map(object({ placeholder = optional(string) }))
  default     = {}
}

variable "kms_key" {
  description = "Cloud KMS key that encrypts all data (projects/P/locations/L/keyRings/R/cryptoKeys/K), in the same region; null for Google's own keys."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key == null || can(regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key))
    error_message = "kms_key must be projects/P/locations/L/keyRings/R/cryptoKeys/K."
  }
}

variable "state_bucket" {
  description = "Bucket of Terraform's state, which the deployer reads to compare; null when it is elsewhere."
  type        = string
  default     = null
}

variable "deploy_from_github" {
  description = "Repository (OWNER/NAME) and ref whose workflows may deploy, by Workload Identity and without a key; null when nothing outside Google Cloud deploys."
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
