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

variable "ingress" {
  description = "Which network traffic reaches the service: internal (this project's Pub/Sub, scheduler and network), load_balancer or all."
  type        = string
  default     = "internal"

  validation {
    condition     = contains(["internal", "load_balancer", "all"], var.ingress)
    error_message = "ingress must be internal, load_balancer or all."
  }
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

variable "calls_internet" {
  description = "Whether the function calls servers of the public internet. Without a database every function can."
  type        = bool
  default     = false
}

variable "network_tags" {
  description = "Network tags, by which the network's firewall allows what it denies others."
  type        = list(string)
  default     = []
}

variable "open_to_everyone" {
  description = "Whether Cloud Run checks no caller's roles. Without it the calling module grants roles/run.invoker."
  type        = bool
  default     = false
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
