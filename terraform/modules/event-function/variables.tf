variable "project_id" {
  description = "Project of the service."
  type        = string
}

variable "region" {
  description = "Region of the service."
  type        = string
}

variable "name" {
  description = "Name of the service. Its service account is named after it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,24}[a-z0-9]$", var.name))
    error_message = "name must have 3 to 26 lower-case letters, digits and dashes: the service account is named after it."
  }
}

variable "target" {
  description = "FUNCTION_TARGET: name of the Python function in functions/main.py."
  type        = string

  validation {
    condition     = can(regex("^[a-z_][a-z0-9_]*$", var.target))
    error_message = "target must be the name of a Python function."
  }
}

variable "image" {
  description = "Image of the functions. Only the first apply uses it; later the deploy sets the image."
  type        = string
}

variable "env" {
  description = "Environment variables."
  type        = map(string)
}

variable "secret_env" {
  description = "Environment variables from secrets: variable name to full secret name. Each instance reads the latest version when it starts."
  type        = map(string)
  default     = {}
}

variable "subscriptions" {
  description = <<-EOT
    Push subscriptions that call the function, by name. Topics are full names. A failed message is delivered again for
    `retention_s`, with growing pauses. With a `dead_letter_topic` it moves there after `max_delivery_attempts`: refusals and
    expired deadlines, plus one. With pauses from 10 s to 600 s, 5 of them are over within three minutes, 20 after two hours:
    so long may Firestore be unavailable (cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions#deadletterpolicy).
  EOT
  type = map(object({
    topic                 = string
    ack_deadline_s        = optional(number, 60)
    retention_s           = optional(number, 604800)
    minimum_backoff_s     = optional(number, 10)
    maximum_backoff_s     = optional(number, 600)
    dead_letter_topic     = optional(string)
    max_delivery_attempts = optional(number, 20)
  }))

  validation {
    condition     = length(var.subscriptions) > 0
    error_message = "An event function needs at least one subscription."
  }
  validation {
    condition     = alltrue([for s in values(var.subscriptions) : s.ack_deadline_s >= 10 && s.ack_deadline_s <= 600])
    error_message = "ack_deadline_s must be 10 to 600."
  }
  validation {
    condition     = alltrue([for s in values(var.subscriptions) : s.retention_s >= 600 && s.retention_s <= 2678400])
    error_message = "retention_s must be 600 (10 minutes) to 2678400 (31 days)."
  }
  validation {
    condition     = alltrue([for s in values(var.subscriptions) : s.minimum_backoff_s <= s.maximum_backoff_s && s.maximum_backoff_s <= 600])
    error_message = "minimum_backoff_s must be at most maximum_backoff_s, and maximum_backoff_s at most 600."
  }
  validation {
    condition     = alltrue([for s in values(var.subscriptions) : s.max_delivery_attempts >= 20 && s.max_delivery_attempts <= 100])
    error_message = "max_delivery_attempts must be 20 to 100: with fewer, an outage of minutes makes dead letters of good messages."
  }
}

variable "database" {
  description = "Connection to the vector database through the Cloud SQL Auth Proxy in a sidecar container; null for a function without a database."
  type = object({
    proxy = object({
      image  = string
      args   = list(string)
      cpu    = string
      memory = string
    })
    network    = string
    subnetwork = string
  })
  default = null
}

variable "publishes_to" {
  description = "Full names of the topics that the function publishes to, keyed by a name of your choice."
  type        = map(string)
  default     = {}
}

variable "project_roles" {
  description = "Project roles that the function needs, such as roles/datastore.user: Firestore has no narrower grant."
  type        = set(string)
  default     = []

  validation {
    condition     = length(setintersection(var.project_roles, ["roles/owner", "roles/editor", "roles/viewer"])) == 0
    error_message = "Basic roles (owner, editor, viewer) grant far more than a function needs."
  }
}

variable "pubsub_service_agent" {
  description = "IAM member of the project's Pub/Sub service agent, which pushes messages and forwards dead letters."
  type        = string
}

variable "calls_internet" {
  description = "Whether the function calls servers of the public internet. Without a database every function can."
  type        = bool
  default     = false
}

variable "size" {
  description = "CPU and memory per instance, concurrent requests per instance, minimum and maximum number of instances, and request timeout."
  type = object({
    cpu           = optional(number, 1)
    memory_gib    = optional(number, 1)
    concurrency   = optional(number, 20)
    min_instances = optional(number, 0)
    max_instances = optional(number, 1)
    timeout_s     = optional(number, 60)
  })
  default = {}

  validation {
    condition     = contains([0.5, 1, 2, 4, 6], var.size.cpu)
    error_message = "size.cpu must be 0.5, 1, 2, 4 or 6: with the proxy, an instance may have 8 at most."
  }
  # docs.cloud.google.com/run/docs/configuring/cpu
  validation {
    condition     = var.size.cpu >= 1 || (var.size.concurrency == 1 && var.size.memory_gib <= 1 && var.database == null)
    error_message = "Below 1 CPU, size.concurrency must be 1, size.memory_gib at most 1, and there must be no database."
  }
  validation {
    condition     = var.size.min_instances <= var.size.max_instances && var.size.max_instances >= 1
    error_message = "size.max_instances must be at least 1, and size.min_instances at most size.max_instances."
  }
  validation {
    condition     = var.size.timeout_s >= 1 && var.size.timeout_s <= 3600
    error_message = "size.timeout_s must be 1 to 3600."
  }
}

variable "deployers" {
  description = "IAM members that may deploy another image to the service, each with the role that permits it, keyed by a name of your choice."
  type        = map(object({ member = string, role = string }))
  default     = {}
}

variable "kms_key" {
  description = "Cloud KMS key that encrypts the deployed image; null for a key managed by Google."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Whether `terraform destroy` is refused."
  type        = bool
  default     = true
}
