variable "project_id" {
  description = "Project of the load balancer."
  type        = string
}

variable "region" {
  description = "Region of the services behind it."
  type        = string
}

variable "name" {
  description = "Beginning of the names of its parts."
  type        = string
  default     = "photofinish"
}

variable "domain" {
  description = "Host name that callers use; its A record must point at the output `address`."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.domain))
    error_message = "domain must be a host name such as search.example.com."
  }
}

variable "services" {
  description = "Cloud Run services behind it: path prefix to service name, such as { \"/v1\" = \"api\" }."
  type        = map(string)

  validation {
    condition     = length(var.services) > 0 && alltrue([for path in keys(var.services) : can(regex("^/[a-z0-9_-]+$", path))])
    error_message = "services must map at least one path such as /v1 to a service."
  }
}

variable "hosts" {
  description = "Further host names whose every path belongs to one service: host name to service name."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for host in keys(var.hosts) : can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", host))])
    error_message = "hosts must be host names such as rekognition.example.com."
  }
}

variable "rate_limit" {
  description = "Requests that one client address may make in an interval, and how long it is shut out when it makes more."
  type = object({
    requests   = optional(number, 600)
    interval_s = optional(number, 60)
    ban_s      = optional(number, 300)
  })
  default = {}

  validation {
    condition     = contains([10, 30, 60, 120, 180, 240, 270, 300, 600, 900, 1200, 1800, 2700, 3600], var.rate_limit.interval_s)
    error_message = "rate_limit.interval_s must be one of Cloud Armor's: 10, 30, 60, 120, 180, 240, 270, 300, 600, 900, 1200, 1800, 2700, 3600."
  }
}

variable "max_request_bytes" {
  description = "Larger requests are refused before they reach a function: some selfies, not an album."
  type        = number
  default     = 33554432

  validation {
    condition     = var.max_request_bytes > 0 && var.max_request_bytes <= 33554432
    error_message = "max_request_bytes must be at most 33554432: Cloud Run takes no more."
  }
}
