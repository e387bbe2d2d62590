variable "notifications" {
  description = <<-EOT
    Subscribers are told of new photos of theirs (docs/notifications.md). `channels`: email, fcm, webhook; none by default.
    `public_url`: address of pages and API for people, such as https://photos.example.org. `fcm_project`: another Firebase project
    than this one; fn-deliver-webhooks needs cloudmessaging.messages.create there. `smtp`: the mail server, with STARTTLS or TLS;
    `password_secret` (projects/…/secrets/…): holds the password of `user`.
  EOT
  type = object({
    channels          = optional(list(string), [])
    public_url        = optional(string)
    subscription_days = optional(number, 90)
    fcm_project       = optional(string)
    smtp = optional(object({
      host            = optional(string)
      port            = optional(number, 587)
      security        = optional(string, "starttls")
      from            = optional(string)
      user            = optional(string)
      password_secret = optional(string)
    }), {})
  })
  default = {}

  validation {
    condition     = length(setsubtract(var.notifications.channels, ["email", "fcm", "webhook"])) == 0
    error_message = "notifications.channels names email, fcm and webhook."
  }
  validation {
    condition     = length(var.notifications.channels) == 0 || can(regex("^https://[a-z0-9.-]+$", var.notifications.public_url))
    error_message = "notifications.public_url must be https://host, without a path: messages need it for their links."
  }
  validation {
    condition     = !contains(var.notifications.channels, "email") || (var.notifications.smtp.host != null && var.notifications.smtp.from != null)
    error_message = "E-mail needs notifications.smtp.host and notifications.smtp.from."
  }
  validation {
    condition     = var.notifications.smtp.password_secret == null || can(regex("^projects/[^/]+/secrets/[^/]+$", var.notifications.smtp.password_secret))
    error_message = "notifications.smtp.password_secret must be a secret's full name: projects/PROJECT/secrets/NAME."
  }
  validation {
    condition     = contains(["starttls", "tls"], var.notifications.smtp.security)
    error_message = "notifications.smtp.security is starttls or tls."
  }
}
