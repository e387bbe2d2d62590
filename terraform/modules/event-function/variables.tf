variable "project_id" {
  description = "Project of the service."
  type        = string
}

variable "region" {
  description = "Region of the service."
  type        = string
}

variable "name" {
  description = "Name of the service, of its account and of its alerts."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,24}[a-z0-9]$", var.name))
    error_message = "name must have 3 to 26 lower-case letters, digits and dashes: service accounts are named after it."
  }
}

variable "target" {
  description = "FUNCTION_TARGET: the name of the function in functions/main.py."
  type        = string

  validation {
    condition     = can(regex("^[a-z_][a-z0-9_]*$", var.target))
    error_message = "target must be the name of a Python function."
  }
}

variable "image" {
  description = "Image of the functions. Only the first apply uses it; afterwards the deploy decides which image runs."
  type        = string
}

variable "env" {
  description = "Environment variables."
  type        = map(string)
}

variable "subscriptions" {
  description = <<-EOT
    Push subscriptions that call the function, by name. `topic` is a full name. A message is tried for `retention_s`, with
    a growing pause; where there is a `dead_letter_topic` it goes there after `max_delivery_attempts`.
  EOT
  type = map(object({
    topic                 = string
    ack_deadline_s        = optional(number, 60)
    retention_s           = optional(number, 604800)
    minimum_backoff_s     = optional(number, 10)
    maximum_backoff_s     = optional(number, 600)
    dead_letter_topic     = optional(string)
    max_delivery_attempts = optional(number, 5)
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
    error_message = "minimum_backoff_s must not be above maximum_backoff_s, and that not above 600."
  }
  validation {
    condition     = alltrue([for s in values(var.subscriptions) : s.max_delivery_attempts >= 5 && s.max_delivery_attempts <= 100])
    error_message = "max_delivery_attempts must be 5 to 100."
  }
}

variable "database" {
  description = "Connection to the vector database through the authenticating proxy beside the function; null for a function that does not use it."
  type = object({
    connection_name = string
    proxy_image     = string
    network         = string
    subnetwork      = string
  })
  default = null
}

variable "publishes_to" {
  description = "Topics that the function publishes to: full names, by a name of their own."
  type        = map(string)
  default     = {}
}

variable "project_roles" {
  description = "Roles on the project that the function needs, such as roles/datastore.user: Firestore gives none on less."
  type        = set(string)
  default     = []

  validation {
    condition     = length(setintersection(var.project_roles, ["roles/owner", "roles/editor", "roles/viewer"])) == 0
    error_message = "Basic roles (owner, editor, viewer) allow far more than a function needs."
  }
}

variable "pubsub_service_agent" {
  description = "IAM member of the project's Pub/Sub service agent: it pushes, and forwards to the dead-letter topic."
  type        = string
}

variable "size" {
  description = "CPU and memory of an instance, requests it takes at once, how many instances there may be, and how long a request may take."
  type = object({
    cpu           = optional(number, 1)
    memory        = optional(string, "1Gi")
    concurrency   = optional(number, 20)
    min_instances = optional(number, 0)
    max_instances = optional(number, 10)
    timeout_s     = optional(number, 60)
  })
  default = {}

  validation {
    condition     = contains([1, 2, 4, 8], var.size.cpu)
    error_message = "size.cpu must be 1, 2, 4 or 8."
  }
  validation {
    condition     = var.size.min_instances <= var.size.max_instances && var.size.max_instances >= 1
    error_message = "size.min_instances must not be above size.max_instances, and that must be at least 1."
  }
  validation {
    condition     = var.size.timeout_s >= 1 && var.size.timeout_s <= 3600
    error_message = "size.timeout_s must be 1 to 3600."
  }
}

variable "deployers" {
  description = "IAM members, by a name of their own, that may put another image into the service."
  type        = map(string)
  default     = {}
}

variable "kms_key" {
  description = "Cloud KMS key for the image's copy; null for Google's own."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Whether `terraform destroy` is refused."
  type        = bool
  default     = true
}
