variable "project_id" {
  description = "Project of the bucket."
  type        = string
}

variable "region" {
  description = "Region of the bucket."
  type        = string
}

variable "name" {
  description = "Name of the bucket."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9_.-]{1,61}[a-z0-9]$", var.name))
    error_message = "name must have 3 to 63 lower-case letters, digits, dashes, dots and underscores."
  }
}

variable "topic" {
  description = "Full name of the topic that hears of uploads."
  type        = string
}

variable "storage_service_agent" {
  description = "IAM member of the project's Cloud Storage service agent, which publishes them."
  type        = string
}

variable "cors_origins" {
  description = "Web origins whose pages upload with signed URLs."
  type        = list(string)
  default     = []

  validation {
    condition     = !contains(var.cors_origins, "*")
    error_message = "Name the origins: \"*\" would let every web page use a link that it got hold of."
  }
}

variable "uploaders" {
  description = "IAM members, by a name of their own, that sign links for uploads."
  type        = map(string)
  default     = {}
}

variable "readers" {
  description = "IAM members, by a name of their own, that look at pictures and delete them."
  type        = map(string)
  default     = {}
}

variable "kms_key" {
  description = "Cloud KMS key for the bucket; null for Google's own."
  type        = string
  default     = null
}
