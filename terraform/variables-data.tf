variable "database" {
  description = "The vector database. See modules/vector-database for each attribute."
  type = object({
    version                  = optional(string, "POSTGRES_18")
    tier                     = optional(string, "db-custom-2-8192")
    disk_gib                 = optional(number, 20)
    high_availability        = optional(bool, false)
    maintenance_work_mem_mib = optional(number, 1024)
    max_connections          = optional(number)
  })
  default = {}
}

variable "backup_keep_days" {
  description = "Days to keep the daily backups of Firestore and the vector database."
  type        = number
  default     = 14
}

variable "retention" {
  description = "Days after which photos, derived objects and audit entries are deleted; 0 for never. See modules/photo-bucket."
  type = object({
    originals_days    = optional(number, 0)
    derived_days      = optional(number, 0)
    noncurrent_days   = optional(number, 30)
    soft_deleted_days = optional(number, 7)
    audit_days        = optional(number, 400)
    event_days        = optional(number, 400)
    webhook_days      = optional(number, 30)
  })
  default = {}
}

variable "audit" {
  description = <<-EOT
    The anchors of the audit: `anchors_days` is how long each is kept, at least as long as `retention.audit_days`;
    `is_locked` locks that for ever. A locked bucket cannot be deleted, nor its project, until all anchors are so old.
  EOT
  type = object({
    anchors_days = optional(number, 1095)
    is_locked    = optional(bool, false)
  })
  default = {}

  validation {
    condition     = var.audit.anchors_days >= var.retention.audit_days
    error_message = "audit.anchors_days must not be below retention.audit_days: the anchors of entries that exist must exist."
  }
}

variable "upload_origins" {
  description = "Origins of the web pages that upload with signed URLs."
  type        = list(string)
  default     = []
}

variable "uploaders" {
  description = "IAM members that may upload photos, keyed by a name of your choice."
  type        = map(string)
  default     = {}
}

variable "kms_key" {
  description = "Cloud KMS key that encrypts all data but Firestore's, in the same region; null for keys managed by Google."
  type        = string
  default     = null
}

variable "firestore_kms_key" {
  description = "Cloud KMS key that encrypts Firestore; null for a key managed by Google. It has a setting of its own because a project may have no such database until Google raises the quota."
  type        = string
  default     = null
}
