variable "project_id" {
  description = "Project of the buckets."
  type        = string
}

variable "region" {
  description = "Region of the buckets: the one of the job, so that reading photos costs no transfer."
  type        = string
}

variable "name" {
  description = "Name of the bucket that photographers drop photos into."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$", var.name))
    error_message = "A bucket name has 3 to 63 lower-case letters, digits, dots, dashes and underscores, and starts and ends with a letter or digit."
  }
}

variable "derived_name" {
  description = "Name of the bucket of sidecars and previews: another one, so that what we write never looks like a new photo."
  type        = string
}

variable "upload_topic" {
  description = "Full name of the topic that hears of every object created or deleted."
  type        = string
}

variable "storage_service_agent" {
  description = "IAM member of the project's Cloud Storage service agent: it publishes the notifications."
  type        = string
}

variable "readers" {
  description = "IAM members, by a name of their own, that read and list originals."
  type        = map(string)
  default     = {}
}

variable "uploaders" {
  description = "IAM members, by a name of their own, that add originals; they cannot read, replace or delete any."
  type        = map(string)
  default     = {}
}

variable "derived_writers" {
  description = "IAM members, by a name of their own, that add sidecars and previews."
  type        = map(string)
  default     = {}
}

variable "derived_readers" {
  description = "IAM members, by a name of their own, that read sidecars and previews."
  type        = map(string)
  default     = {}
}

variable "retention" {
  description = "Days after which things go, 0 for never: originals and what is derived from them by age, replaced or deleted originals by the time since. Soft-deleted objects can be restored for `soft_deleted_days`."
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
  description = "Web origins whose pages upload with signed URLs, such as https://photos.example.com; none by default."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for origin in var.cors_origins : can(regex("^https?://[^/*]+$", origin))])
    error_message = "Each of cors_origins must be a full origin such as https://photos.example.com, without path and without *."
  }
}

variable "kms_key" {
  description = "Cloud KMS key for both buckets; null for Google's own."
  type        = string
  default     = null
}

variable "force_destroy" {
  description = "Whether `terraform destroy` may delete buckets that still hold photos."
  type        = bool
  default     = false
}
