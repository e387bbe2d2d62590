variable "project_id" {
  description = "Project to monitor."
  type        = string
}

variable "region" {
  description = "Region of the schedules."
  type        = string
}

variable "schedules" {
  description = "Messages that Cloud Scheduler publishes, by job name: full topic name, cron expression (UTC) and JSON body."
  type = map(object({
    topic       = string
    cron        = string
    body        = optional(string, "{}")
    description = string
  }))

  validation {
    condition     = alltrue([for s in values(var.schedules) : length(split(" ", s.cron)) == 5])
    error_message = "Each cron must have five fields, such as \"*/10 * * * *\"."
  }
  validation {
    condition     = alltrue([for s in values(var.schedules) : can(keys(jsondecode(s.body)))])
    error_message = "Each body must be a JSON object, such as \"{}\"."
  }
}

variable "service_agents" {
  description = "IAM members of the project's service agents: Cloud Scheduler's publishes the messages, Pub/Sub's signs in as the account of the budget's stop."
  type = object({
    pubsub    = string
    scheduler = string
  })
}

variable "watched" {
  description = "Names of the resources to monitor."
  type = object({
    work_subscriptions  = map(string)  # that tasks pull photos from, by lane
    dead_letter_sources = list(string) # subscriptions that forward what failed every attempt
    jobs                = list(string)
    event_services      = list(string)
    search_services     = list(string)
    database            = string
  })
}

variable "alert_emails" {
  description = "E-mail addresses that receive alerts, keyed by a name of your choice."
  type        = map(string)

  validation {
    condition     = length(var.alert_emails) > 0 && alltrue([for email in values(var.alert_emails) : can(regex("^[^@\\s]+@[^@\\s]+$", email))])
    error_message = "alert_emails must contain at least one e-mail address, and only e-mail addresses."
  }
}

variable "thresholds" {
  description = "Values above which alerts fire. The latency of search is in search_objectives."
  type = object({
    backlog_age_s          = optional(number, 1800)
    upload_to_result_p95_s = optional(number, 900)
    audit_anchored_h       = optional(number, 3)
    error_share            = optional(number, 0.05)
    database_disk_share    = optional(number, 0.85)
    database_cpu_share     = optional(number, 0.9)
  })
  default = {}

  validation {
    condition     = var.thresholds.error_share > 0 && var.thresholds.error_share < 1 && var.thresholds.database_disk_share < 1 && var.thresholds.database_cpu_share < 1
    error_message = "thresholds: shares must be between 0 and 1."
  }
  validation {
    condition     = var.thresholds.backlog_age_s > 0 && var.thresholds.upload_to_result_p95_s > 0 && var.thresholds.audit_anchored_h > 0
    error_message = "thresholds: times must be greater than 0."
  }
}

variable "health_url" {
  description = "Public health URL of the search API, checked every five minutes; null without a public address."
  type        = string
  default     = null

  validation {
    condition     = var.health_url == null || can(regex("^https://[^/]+/", var.health_url))
    error_message = "health_url must start with https:// and have a path."
  }
}

variable "search_objectives" {
  description = <<-EOT
    Service level objectives of search over 28 days. `availability`: share of requests without a server error.
    `latency_share`: share of requests faster than `latency_ms`; an alert fires when the 95th percentile exceeds that.
  EOT
  type = object({
    availability  = number
    latency_ms    = number
    latency_share = optional(number, 0.95)
  })

  validation {
    condition     = var.search_objectives.availability > 0 && var.search_objectives.availability < 1 && var.search_objectives.latency_share > 0 && var.search_objectives.latency_share < 1
    error_message = "search_objectives: shares must be between 0 and 1."
  }
  validation {
    condition     = var.search_objectives.latency_ms > 0
    error_message = "search_objectives.latency_ms must be greater than 0."
  }
}

variable "gpu_task_usd_per_h" {
  description = "Price of one analysis task per hour in USD, for the dashboard (`photofinish cost` lists prices)."
  type        = number
  default     = 1.115
}

variable "budget" {
  description = <<-EOT
    Monthly budget in the billing account's currency, and the share of it at which analysis stops (0: never). Stopping
    removes the push endpoints of `stop_subscriptions`, so that nothing calls launch_workers; `terraform apply` restores
    them. Null for no budget.
  EOT
  type = object({
    billing_account = string
    amount          = number
    stop_at         = optional(number, 1)
  })
  default = null

  validation {
    condition     = var.budget == null || can(regex("^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", var.budget.billing_account))
    error_message = "budget.billing_account must look like 012345-6789AB-CDEF01."
  }
  validation {
    condition     = var.budget == null || try(var.budget.amount >= 1 && floor(var.budget.amount) == var.budget.amount, false)
    error_message = "budget.amount must be a whole number of at least 1."
  }
  validation {
    condition     = var.budget == null || try(var.budget.stop_at == 0 || var.budget.stop_at >= 0.1, false)
    error_message = "budget.stop_at must be at least 0.1, or 0 for never."
  }
}

variable "stop_subscriptions" {
  description = "Push subscriptions that start analysis: the budget's stop disables them."
  type        = list(string)
  default     = []
}
