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

variable "secret_env" {
  description = "Environment variables out of secrets: variable to full secret name. The newest version is read when an instance starts."
  type        = map(string)
  default     = {}
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

variable "signs_links" {
  description = "Whether the function signs links to objects in its own name: it has no key, so it asks IAM to sign for it."
  type        = bool
  default     = false
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

variable "exposure" {
  description = "Who may call: private (members of `invokers`), load_balancer (anybody through the load balancer in front), direct (anybody). The function asks for an API key in every case."
  type        = string
  default     = "private"

  validation {
    condition     = contains(["private", "load_balancer", "direct"], var.exposure)
    error_message = "exposure must be private, load_balancer or direct."
  }
}

variable "invokers" {
  description = "IAM members, by a name of their own, that may call a private function."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setintersection(values(var.invokers), ["allUsers", "allAuthenticatedUsers"])) == 0
    error_message = "Opening a function to everybody is what `exposure` is for."
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
