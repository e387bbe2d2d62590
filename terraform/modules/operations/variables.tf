variable "project_id" {
  description = "Project to watch."
  type        = string
}

variable "region" {
  description = "Region of the schedules."
  type        = string
}

variable "schedules" {
  description = "What Cloud Scheduler publishes, by name: full topic name, cron expression (UTC) and JSON message."
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

variable "scheduler_service_agent" {
  description = "IAM member of the project's Cloud Scheduler service agent: it publishes."
  type        = string
}

variable "watched" {
  description = "Names of what is watched."
  type = object({
    dead_letter_topic = string
    work_subscription = string
    job               = string
    event_services    = list(string)
    search_services   = list(string)
    database          = string
  })
}

variable "alert_emails" {
  description = "Who is told, by a name of their own."
  type        = map(string)

  validation {
    condition     = length(var.alert_emails) > 0 && alltrue([for email in values(var.alert_emails) : can(regex("^[^@\\s]+@[^@\\s]+$", email))])
    error_message = "alert_emails must name at least one e-mail address: an alert that nobody gets is none."
  }
}

variable "thresholds" {
  description = "When an alert goes off."
  type = object({
    backlog_age_s          = optional(number, 1800)
    upload_to_result_p95_s = optional(number, 900)
    error_share            = optional(number, 0.05)
    search_latency_p95_ms  = optional(number, 1500)
    database_disk_share    = optional(number, 0.85)
    database_cpu_share     = optional(number, 0.9)
  })
  default = {}

  validation {
    condition     = var.thresholds.error_share > 0 && var.thresholds.error_share < 1 && var.thresholds.database_disk_share < 1 && var.thresholds.database_cpu_share < 1
    error_message = "Shares are between 0 and 1."
  }
  validation {
    condition     = var.thresholds.backlog_age_s > 0 && var.thresholds.upload_to_result_p95_s > 0 && var.thresholds.search_latency_p95_ms > 0
    error_message = "Times are more than 0."
  }
}

variable "health_url" {
  description = "Public address of a search function, asked every five minutes; null when there is none."
  type        = string
  default     = null

  validation {
    condition     = var.health_url == null || can(regex("^https://[^/]+/", var.health_url))
    error_message = "health_url must start with https:// and have a path."
  }
}

variable "search_objectives" {
  description = "Service level objectives of search over 28 days: share of requests without a server error, and faster than the latency."
  type = object({
    availability  = optional(number, 0.995)
    latency_share = optional(number, 0.95)
    latency_ms    = optional(number, 1500)
  })
  default = {}
}

variable "gpu_task_usd_per_h" {
  description = "Price of one analysis task for an hour, for the dashboard (`photofinish cost` has the prices)."
  type        = number
  default     = 1.05
}

variable "budget" {
  description = <<-EOT
    Monthly budget in the billing account's currency, and the share of it at which no more analysis is started (0: never).
    Stopping takes the push address from `stop_subscriptions`, so that nothing calls launch_workers; `terraform apply`
    puts it back. Null when the billing account is not to be touched.
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
  description = "Push subscriptions that start work: what the budget's stop cuts off."
  type        = list(string)
  default     = []
}
