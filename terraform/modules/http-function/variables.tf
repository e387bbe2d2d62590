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
    condition     = contains([1, 2, 4, 6], var.size.cpu)
    error_message = "size.cpu must be 1, 2, 4 or 6: with the proxy, an instance may have 8 at most."
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

variable "signs_links" {
  description = "Whether the function signs links to objects as its own service account. It has no key; IAM signs for it."
  type        = bool
  default     = false
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

variable "exposure" {
  description = "Who may call: private (members of `invokers`), load_balancer (everyone, through the load balancer only) or direct (everyone). The function requires an API key in every case."
  type        = string
  default     = "private"

  validation {
    condition     = contains(["private", "load_balancer", "direct"], var.exposure)
    error_message = "exposure must be private, load_balancer or direct."
  }
}

variable "invoker_iam_disabled" {
  description = "How everyone may call: false grants roles/run.invoker to allUsers, true switches Cloud Run's check of callers off. An organisation that restricts sharing by domain refuses the first (docs.cloud.google.com/run/docs/authenticating/public)."
  type        = bool
  default     = false
}

variable "invokers" {
  description = "IAM members that may call a private function, keyed by a name of your choice."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setintersection(values(var.invokers), ["allUsers", "allAuthenticatedUsers"])) == 0
    error_message = "invokers must not contain allUsers or allAuthenticatedUsers: to open a function to everyone, set exposure."
  }
}

variable "network_tags" {
  description = "Network tags, by which the network's firewall allows what it denies others."
  type        = list(string)
  default     = []
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
