variable "alert_emails" {
  description = "E-mail addresses that receive alerts, keyed by a name of your choice."
  type        = map(string)
}

variable "schedules" {
  description = <<-EOT
    Cron expressions in UTC. `sweep`: starts analysis of photos that are still queued. `reconcile`: queues photos of the
    last 24 hours whose event was lost. `reconcile_all`: the same for all photos. `people_sweep`: clusters albums and
    processes enrolment pictures whose event was lost. `people_sweep_all`: clusters every album again. `retention`: erases
    what is past its retention: albums that ended, originals where only results are kept, audit entries. `retention_all`:
    also the results of deleted photos whose event was lost. `webhooks`: delivers events that no message told of, and
    retries.
  EOT
  type = object({
    sweep            = optional(string, "* * * * *")
    reconcile        = optional(string, "*/10 * * * *")
    reconcile_all    = optional(string, "17 3 * * *")
    people_sweep     = optional(string, "* * * * *")
    people_sweep_all = optional(string, "47 3 * * *")
    retention        = optional(string, "7 * * * *")
    retention_all    = optional(string, "27 4 * * *")
    webhooks         = optional(string, "* * * * *")
  })
  default = {}
}

variable "budget" {
  description = "Monthly budget and the share of it at which analysis stops (0: never); null for no budget. See modules/operations."
  type = object({
    billing_account = string
    amount          = number
    stop_at         = optional(number, 1)
  })
  default = null
}

variable "state_bucket" {
  description = "Bucket of Terraform's state, which the build reads to run `terraform plan`. Default: PROJECT-terraform-state, as in cloudbuild.yaml; with another name set the build's _STATE_BUCKET, too."
  type        = string
  default     = null
}

variable "deploy_from_github" {
  description = "GitHub repository and ref whose workflows may deploy without a key; null for none. See modules/foundation."
  type = object({
    repository = string
    ref        = optional(string, "refs/heads/main")
  })
  default = null
}
