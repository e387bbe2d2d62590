variable "project_id" {
  description = "Project of the database."
  type        = string
}

variable "region" {
  description = "Region of the database and its network."
  type        = string
}

variable "name" {
  description = "Name of the instance and prefix of its network's names. The name of a deleted instance cannot be reused for a week."
  type        = string
  default     = "photofinish"
}

variable "instance" {
  description = <<-EOT
    The Cloud SQL instance. `high_availability`: keeps a standby in another zone. `maintenance_work_mem_mib` and
    `index_build_workers`: for HNSW index builds; an index that does not fit into that memory is built many times slower.
    `max_connections`: at most, and by default, what Cloud SQL sets for the tier's memory: each needs about 10 MB.
  EOT
  type = object({
    version                  = optional(string, "POSTGRES_18")
    edition                  = optional(string, "ENTERPRISE")
    tier                     = optional(string, "db-custom-2-8192")
    disk_gib                 = optional(number, 20)
    disk_max_gib             = optional(number, 500)
    high_availability        = optional(bool, false)
    maintenance_work_mem_mib = optional(number, 1024)
    index_build_workers      = optional(number, 2)
    max_connections          = optional(number)
  })
  default = {}

  validation {
    condition     = contains(["POSTGRES_16", "POSTGRES_17", "POSTGRES_18"], var.instance.version)
    error_message = "instance.version must be POSTGRES_16, POSTGRES_17 or POSTGRES_18."
  }
  validation {
    condition     = contains(["ENTERPRISE", "ENTERPRISE_PLUS"], var.instance.edition)
    error_message = "instance.edition must be ENTERPRISE or ENTERPRISE_PLUS."
  }
  validation {
    condition     = var.instance.disk_gib >= 10 && var.instance.disk_max_gib >= var.instance.disk_gib
    error_message = "instance.disk_gib must be at least 10, and instance.disk_max_gib at least instance.disk_gib."
  }
  validation {
    condition     = !startswith(var.instance.tier, "db-f1") && !startswith(var.instance.tier, "db-g1")
    error_message = "instance.tier must not be a shared-core tier: those have no SLA and too little memory for a vector index. Use db-custom-CPUS-MEMORY_MIB."
  }
  validation {
    condition     = can(regex("^db-custom-[0-9]+-[0-9]+$|^db-perf-optimized-N-[0-9]+$|^db-(f1|g1)", var.instance.tier))
    error_message = "instance.tier must be db-custom-CPUS-MEMORY_MIB or db-perf-optimized-N-CPUS."
  }
}

variable "backup" {
  description = "Daily backups: start time (UTC), how many to keep, days of point-in-time recovery, whether backups survive the instance, and days to keep the final backup."
  type = object({
    start_time            = optional(string, "03:00")
    keep                  = optional(number, 14)
    point_in_time_days    = optional(number, 7)
    keep_after_delete     = optional(bool, true)
    final_backup_for_days = optional(number, 30)
  })
  default = {}

  validation {
    condition     = can(regex("^([01][0-9]|2[0-3]):[0-5][0-9]$", var.backup.start_time))
    error_message = "backup.start_time must be HH:MM."
  }
  validation {
    condition     = var.backup.keep >= var.backup.point_in_time_days && var.backup.point_in_time_days >= 1 && var.backup.point_in_time_days <= 35
    error_message = "backup.point_in_time_days must be 1 to 35, and backup.keep at least as large."
  }
}

variable "network_range" {
  description = "IP range of the subnetwork that functions and tasks connect from. Each instance uses one address; a rollout needs twice as many."
  type        = string
  default     = "10.20.0.0/22"

  validation {
    condition     = can(cidrhost(var.network_range, 0)) && tonumber(split("/", var.network_range)[1]) <= 26
    error_message = "network_range must be an IPv4 range of /26 or larger, such as 10.20.0.0/22."
  }
}

variable "serves_firebase_users" {
  description = "Whether something in the network checks tokens of Firebase users, and so reads Google's public keys."
  type        = bool
  default     = false
}

variable "owner" {
  description = "Service account that owns the tables: the analysis job's. It creates the partition of each album, which only an owner may."
  type = object({
    name   = string
    email  = string
    member = string
  })
}

variable "users" {
  description = <<-EOT
    Service accounts that read and write rows and own nothing, keyed by a name of your choice: e-mail address and rights.
    `rights`: data (photos, faces, bibs and people), api (and what admits callers, such as API keys), administration (api, and
    making and revoking keys, and reading the audit), retention (and what is deleted after a time, such as audit entries), webhooks (reads events and delivers them) or live (reads events and admits
    callers); shared/photofinish/adapters/postgres/granting.py has the tables.
  EOT
  type = map(object({
    email  = string
    rights = string
  }))
  default = {}

  validation {
    condition     = alltrue([for user in values(var.users) : contains(["data", "api", "administration", "retention", "webhooks", "live"], user.rights)])
    error_message = "users.rights must be data, api, administration, retention, webhooks or live."
  }
}

variable "proxy" {
  description = "The Cloud SQL Auth Proxy in each sidecar: image, CPU and memory as Cloud Run writes them. A function's proxy moves some KB per request, so a quarter of a CPU is enough."
  type = object({
    image  = string
    cpu    = optional(string, "250m")
    memory = optional(string, "256Mi")
  })
}

variable "migration" {
  description = "The job that migrates the schema: its image (only the first apply uses it) and environment variables."
  type = object({
    image = string
    env   = map(string)
  })
}

variable "deployers" {
  description = "IAM members that may deploy another image to the migration job and run it, each with the role that permits it, keyed by a name of your choice."
  type        = map(object({ member = string, role = string }))
  default     = {}
}

variable "kms_key" {
  description = "Cloud KMS key that encrypts the disks; null for a key managed by Google."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Whether Terraform and Cloud SQL refuse to delete the instance."
  type        = bool
  default     = true
}
