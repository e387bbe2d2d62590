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
  description = "Full name of the topic that is notified of every upload."
  type        = string
}

variable "storage_service_agent" {
  description = "IAM member of the project's Cloud Storage service agent, which publishes the notifications."
  type        = string
}

variable "cors_origins" {
  description = "Origins of the web pages that upload with signed URLs, such as https://photos.example.com."
  type        = list(string)
  default     = []

  validation {
    condition     = !contains(var.cors_origins, "*")
    error_message = "cors_origins must name origins: with \"*\" any web page could use an upload link that it obtained."
  }
}

variable "uploaders" {
  description = "IAM members that may sign upload links, keyed by a name of your choice."
  type        = map(string)
  default     = {}
}

variable "readers" {
  description = "IAM members that may read and delete pictures, keyed by a name of your choice."
  type        = map(string)
  default     = {}
}

variable "reader_role" {
  description = "Role of the readers: storage.objects.get, list and delete. Cloud Storage has no predefined role with only these."
  type        = string
}

variable "kms_key" {
  description = "Cloud KMS key that encrypts the bucket; null for a key managed by Google."
  type        = string
  default     = null
}
