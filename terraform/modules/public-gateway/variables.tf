variable "project_id" {
  description = "Project of the load balancer."
  type        = string
}

variable "region" {
  description = "Region of the services behind the load balancer."
  type        = string
}

variable "name" {
  description = "Prefix of all resource names."
  type        = string
  default     = "photofinish"
}

variable "domain" {
  description = "Host name of the API. Its A record must point to the output `address`."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.domain))
    error_message = "domain must be a host name such as search.example.com."
  }
}

variable "services" {
  description = "Cloud Run services on `domain`: path prefix to service name, such as { \"/v1\" = \"api\" }."
  type        = map(string)

  validation {
    condition     = length(var.services) > 0 && alltrue([for path in keys(var.services) : can(regex("^/[a-z0-9_-]+$", path))])
    error_message = "services must map at least one path such as /v1 to a service."
  }
}

variable "paths" {
  description = "Single paths on `domain` that another service has than the prefix they lie in: path, in which a `*` is one segment, to service name."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for path in keys(var.paths) : can(regex("^(/([a-z0-9_-]+|\\*))+$", path))])
    error_message = "paths must be paths such as /v1/albums/*/events/stream."
  }
}

variable "hosts" {
  description = "Additional host names that each serve one service on every path: host name to service name."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for host in keys(var.hosts) : can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", host))])
    error_message = "hosts must be host names such as rekognition.example.com."
  }
}

variable "rate_limit" {
  description = "Requests allowed per client address and interval, and how long an address is blocked when it exceeds them."
  type = object({
    requests   = optional(number, 600)
    interval_s = optional(number, 60)
    ban_s      = optional(number, 300)
  })
  default = {}

  validation {
    condition     = contains([10, 30, 60, 120, 180, 240, 270, 300, 600, 900, 1200, 1800, 2700, 3600], var.rate_limit.interval_s)
    error_message = "rate_limit.interval_s must be an interval that Cloud Armor supports: 10, 30, 60, 120, 180, 240, 270, 300, 600, 900, 1200, 1800, 2700, 3600."
  }
}

variable "max_request_bytes" {
  description = "Maximum request size. Larger requests are refused before they reach a function."
  type        = number
  default     = 33554432

  validation {
    condition     = var.max_request_bytes > 0 && var.max_request_bytes <= 33554432
    error_message = "max_request_bytes must be 1 to 33554432, the limit of Cloud Run."
  }
}
