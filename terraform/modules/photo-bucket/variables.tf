variable "project_id" {
  description = "Project of the buckets."
  type        = string
}

variable "region" {
  description = "Region of the buckets. Use the job's region: reading photos from another one costs network transfer."
  type        = string
}

variable "name" {
  description = "Name of the bucket for original photos."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$", var.name))
    error_message = "A bucket name has 3 to 63 lower-case letters, digits, dots, dashes and underscores, and starts and ends with a letter or digit."
  }
}

variable "derived_name" {
  description = "Name of the bucket for sidecars and previews. It is separate so that derived objects never look like new photos."
  type        = string
}

variable "upload_topic" {
  description = "Full name of the topic that is notified of every uploaded photo."
  type        = string
}

variable "deletion_topic" {
  description = "Full name of the topic that is notified of every deleted or overwritten photo."
  type        = string
}

variable "storage_service_agent" {
  description = "IAM member of the project's Cloud Storage service agent, which publishes the notifications."
  type        = string
}

variable "readers" {
  description = "IAM members that may read and list originals, keyed by a name of your choice."
  type        = map(string)
  default     = {}
}

variable "uploaders" {
  description = "IAM members that may add originals, but not read, replace or delete them; keyed by a name of your choice."
  type        = map(string)
  default     = {}
}

variable "prefix_uploaders" {
  description = "IAM members that may add originals whose names begin with `prefix`, and no others; keyed by a name of your choice."
  type        = map(object({ member = string, prefix = string }))
  default     = {}

  validation {
    condition     = alltrue([for uploader in var.prefix_uploaders : can(regex("^[a-z0-9-]+/$", uploader.prefix))])
    error_message = "prefix_uploaders: a prefix must be an album and a slash, such as smoke-test/."
  }
}

variable "derived_writers" {
  description = "IAM members that may write sidecars and previews, keyed by a name of your choice."
  type        = map(string)
  default     = {}
}

variable "erasers" {
  description = "IAM members that may read, list and delete originals, with all their versions, and also write derived objects; keyed by a name of your choice."
  type        = map(string)
  default     = {}
}

variable "eraser_role" {
  description = "Role of the erasers on the bucket of originals: storage.objects.get, list and delete. Cloud Storage has no predefined role with only these."
  type        = string
}

variable "derived_readers" {
  description = "IAM members that may read sidecars and previews, keyed by a name of your choice."
  type        = map(string)
  default     = {}
}

variable "retention" {
  description = "Days until deletion, 0 for never: originals and derived objects by age, replaced or deleted originals by the time since then. Soft-deleted objects can be restored for `soft_deleted_days`."
  type = object({
    originals_days    = optional(number, 0)
    derived_days      = optional(number, 0)
    noncurrent_days   = optional(number, 30)
    soft_deleted_days = optional(number, 7)
  })
  default = {}

  validation {
    condition     = var.retention.soft_deleted_days == 0 || (var.retention.soft_deleted_days >= 7 && var.retention.soft_deleted_days <= 90)
    error_message = "soft_deleted_days must be 0 (off) or 7 to 90."
  }
}

variable "cors_origins" {
  description = "Origins of the web pages that upload with signed URLs, such as https://photos.example.com."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for origin in var.cors_origins : can(regex("^https?://[^/*]+$", origin))])
    error_message = "Each of cors_origins must be a full origin such as https://photos.example.com, without path and without *."
  }
}

variable "kms_key" {
  description = "Cloud KMS key that encrypts both buckets; null for a key managed by Google."
  type        = string
  default     = null
}

variable "force_destroy" {
  description = "Whether `terraform destroy` may delete buckets that still contain objects."
  type        = bool
  default     = false
}
