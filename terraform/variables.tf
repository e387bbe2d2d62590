variable "project_id" {
  description = "ID of the Google Cloud project. The project holds this environment and nothing else."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be a project's ID (6 to 30 lower-case letters, digits and dashes), not its name or number."
  }
}

variable "region" {
  description = "Region of all resources; europe-west1 unless you need another. Analysis on a GPU needs a region where Cloud Run has L4s: asia-south1, asia-southeast1, europe-west1, europe-west4, us-central1 or us-east4."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]$", var.region))
    error_message = "region must be a region such as europe-west1, not a zone or a multi-region."
  }
}

variable "environment" {
  description = "Name of the environment, used as a label: dev, prod, or another."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}$", var.environment))
    error_message = "environment must have 2 to 16 lower-case letters, digits and dashes."
  }
}

variable "labels" {
  description = "Additional labels for all resources."
  type        = map(string)
  default     = {}
}

variable "deletion_protection" {
  description = "Whether deleting services, databases and buckets that hold photos is refused. Set it to false only where all data may be lost."
  type        = bool
  default     = true
}

# --- names: the defaults are those of the code and the local cloud ---

variable "buckets" {
  description = <<-EOT
    Bucket names: `photos` (originals), `derived` (sidecars and previews), `enrolments` (pictures to enrol people with), `audit`
    (anchors of the audit) and `engines` (TensorRT engines, where used). Default: PROJECT-photos, PROJECT-derived and so on.
  EOT
  type = object({
    photos     = optional(string)
    derived    = optional(string)
    enrolments = optional(string)
    audit      = optional(string)
    engines    = optional(string)
  })
  default = {}
}

variable "topics" {
  description = "Names of the Pub/Sub topics."
  type = object({
    uploads      = optional(string, "photo-uploads")
    deletions    = optional(string, "photo-deletions")
    work         = optional(string, "photo-work")
    bulk         = optional(string, "photo-work-bulk")
    results      = optional(string, "photo-results")
    dead         = optional(string, "photo-dead")
    sweep        = optional(string, "photo-sweep")
    reconcile    = optional(string, "photo-reconcile")
    retention    = optional(string, "photo-retention")
    enrolments   = optional(string, "photo-enrolments")
    people_sweep = optional(string, "people-sweep")
    webhooks     = optional(string, "webhook-deliveries")
  })
  default = {}

  validation {
    condition     = length(distinct(values(var.topics))) == length(values(var.topics))
    error_message = "Topic names must be unique."
  }
}

variable "job_name" {
  description = "Name of the analysis job."
  type        = string
  default     = "analyze"
}

# --- images ---

variable "first_images" {
  description = "Images that run until the first deploy: public images that start and do nothing. Later the deploy sets the image."
  type = object({
    functions = optional(string, "us-docker.pkg.dev/cloudrun/container/hello")
    job       = optional(string, "us-docker.pkg.dev/cloudrun/container/job")
  })
  default = {}
}

variable "database_proxy_image" {
  description = "Image of the Cloud SQL Auth Proxy, pinned by digest."
  type        = string
  default     = "gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.22.0@sha256:fa4c7308245407157c5e9c4e16f1c0f1113899d6f29dc8f8be3e30efae86467f"

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.database_proxy_image))
    error_message = "database_proxy_image must end with a digest (@sha256:…)."
  }
}
