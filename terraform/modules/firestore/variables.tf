variable "project_id" {
  description = "Project of the database."
  type        = string
}

variable "location" {
  description = "Location of the database. It can never be changed."
  type        = string
}

variable "indexes_file" {
  description = "Path of firestore.indexes.json, the file that the local Firestore emulator enforces too."
  type        = string
}

variable "rules_file" {
  description = "Path of firestore.rules: what apps may read and write."
  type        = string
}

variable "ttl_fields" {
  description = "Collection group to the timestamp field at which its documents expire and are deleted."
  type        = map(string)
  default     = {}
}

variable "point_in_time_recovery" {
  description = "Whether any state of the last 7 days can be read and restored."
  type        = bool
  default     = true
}

variable "backup_keep_days" {
  description = "Days to keep daily backups; null for no backups."
  type        = number
  default     = 14

  validation {
    condition     = var.backup_keep_days == null || try(var.backup_keep_days >= 1 && var.backup_keep_days <= 98, false)
    error_message = "backup_keep_days must be 1 to 98, or null."
  }
}

variable "kms_key" {
  description = "Cloud KMS key that encrypts the database; null for a key managed by Google."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Whether deleting the database is refused."
  type        = bool
  default     = true
}
