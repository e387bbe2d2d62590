variable "project_id" {
  description = "Project of the database."
  type        = string
}

variable "location" {
  description = "Location of the documents; it can never be changed."
  type        = string
}

variable "indexes_file" {
  description = "firestore.indexes.json: the file that the local Firestore enforces."
  type        = string
}

variable "rules_file" {
  description = "firestore.rules: what apps may read and write."
  type        = string
}

variable "ttl_fields" {
  description = "Timestamp fields after which a document is deleted, as collection group to field. Nothing has any yet."
  type        = map(string)
  default     = {}
}

variable "point_in_time_recovery" {
  description = "Whether the last 7 days can be read and restored."
  type        = bool
  default     = true
}

variable "backup_keep_days" {
  description = "How long a daily backup stays; null for no backups."
  type        = number
  default     = 14

  validation {
    condition     = var.backup_keep_days == null || try(var.backup_keep_days >= 1 && var.backup_keep_days <= 98, false)
    error_message = "backup_keep_days must be 1 to 98, or null."
  }
}

variable "kms_key" {
  description = "Cloud KMS key for the documents; null for Google's own."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Whether deleting the database is refused."
  type        = bool
  default     = true
}
