variable "database" {
  description = "The vector database. See modules/vector-database for each attribute."
  type = object({
    version                  = optional(string, "POSTGRES_18")
    tier                     = optional(string, "db-custom-2-8192")
    disk_gib                 = optional(number, 20)
    high_availability        = optional(bool, false)
    maintenance_work_mem_mib = optional(number, 1024)
    max_connections          = optional(number, 200)
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
  })
  default = {}
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
  description = "Cloud KMS key that encrypts all data, in the same region; null for keys managed by Google."
  type        = string
  default     = null
}
