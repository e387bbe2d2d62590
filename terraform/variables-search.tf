variable "search" {
  description = <<-EOT
    Who reaches the API. `exposure`: private (only IAM members in `invokers`), load_balancer (everyone, through `domain` with
    rate limits; AWS SDKs through `rekognition_domain`) or direct (everyone, without rate limits by address). API keys are
    required in every case. `invoker_iam_disabled`: opens the services to everyone without naming `allUsers`, which an
    organisation that restricts sharing by domain refuses. `firebase_project`: its signed-in users may search too. `cors_origins`: web pages that may call
    the API. `link_key_secret` (projects/…/secrets/…): holds ACCESS_ID:SECRET of an HMAC key of the API's account; the API
    then signs links to previews itself instead of calling IAM for each (docs/deploy.md). `latency_p95_ms` and
    `availability_share`: service level objectives of search (docs/runbook.md).
  EOT
  type = object({
    exposure             = optional(string, "private")
    invoker_iam_disabled = optional(bool, false)
    domain               = optional(string)
    rekognition_domain   = optional(string)
    cors_origins         = optional(list(string), [])
    firebase_project     = optional(string)
    link_key_secret      = optional(string)
    invokers             = optional(map(string), {})
    min_instances        = optional(number, 0)
    max_instances        = optional(number, 1)
    requests_per_min     = optional(number, 600)
    latency_p95_ms       = optional(number, 500)
    availability_share   = optional(number, 0.999)
  })
  default = {}

  validation {
    condition     = contains(["private", "load_balancer", "direct"], var.search.exposure)
    error_message = "search.exposure must be private, load_balancer or direct."
  }
  validation {
    condition     = (var.search.exposure == "load_balancer") == (var.search.domain != null)
    error_message = "Set search.domain if, and only if, search.exposure = \"load_balancer\"."
  }
  validation {
    condition     = var.search.rekognition_domain == null || (var.search.exposure == "load_balancer" && var.search.rekognition_domain != var.search.domain)
    error_message = "search.rekognition_domain needs search.exposure = \"load_balancer\" and must differ from search.domain."
  }
  validation {
    condition     = var.search.link_key_secret == null || can(regex("^projects/[^/]+/secrets/[^/]+$", var.search.link_key_secret))
    error_message = "search.link_key_secret must be a secret's full name: projects/PROJECT/secrets/NAME."
  }
  validation {
    condition     = alltrue([for origin in var.search.cors_origins : can(regex("^https://[^/*]+$", origin))])
    error_message = "search.cors_origins must be origins such as https://photos.example.com, without a path or a star."
  }
}
