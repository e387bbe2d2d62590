# The public entry: a load balancer with a certificate, rate limits and a maximum request size.

locals {
  domains  = concat([var.domain], sort(keys(var.hosts)))
  backends = toset(concat(values(var.services), values(var.paths), values(var.hosts)))
  # The first that matches counts: single paths before the prefixes that they lie in.
  routes = concat(
    [for path, service in var.paths : { service = service, template = path, prefix = null }],
    [for path, service in var.services : { service = service, template = null, prefix = path }],
  )
}

resource "google_compute_global_address" "front" {
  project = var.project_id
  name    = "${var.name}-front"
}

resource "google_compute_managed_ssl_certificate" "front" {
  project = var.project_id
  name    = "${var.name}-${substr(sha256(join(",", local.domains)), 0, 8)}"

  managed {
    domains = local.domains
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_compute_ssl_policy" "modern" {
  project         = var.project_id
  name            = "${var.name}-modern"
  profile         = "MODERN"
  min_tls_version = "TLS_1_2"
}

resource "google_compute_security_policy" "armor" {
  project     = var.project_id
  name        = "${var.name}-front"
  description = "Rate limits and maximum request size."

  rule {
    priority    = 1000
    description = "Request too large"
    action      = "deny(403)"
    match {
      expr {
        expression = "int(request.headers['content-length']) > ${var.max_request_bytes}"
      }
    }
  }

  rule {
    priority    = 2000
    description = "Too many requests from one address"
    action      = "rate_based_ban"
    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
    rate_limit_options {
      conform_action   = "allow"
      exceed_action    = "deny(429)"
      enforce_on_key   = "IP"
      ban_duration_sec = var.rate_limit.ban_s
      rate_limit_threshold {
        count        = var.rate_limit.requests
        interval_sec = var.rate_limit.interval_s
      }
    }
  }

  rule {
    priority    = 2147483647
    description = "All other requests: the functions require an API key"
    action      = "allow"
    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
  }
}

resource "google_compute_region_network_endpoint_group" "service" {
  for_each = local.backends

  project               = var.project_id
  name                  = "${var.name}-${each.value}"
  region                = var.region
  network_endpoint_type = "SERVERLESS"

  cloud_run {
    service = each.value
  }
}

resource "google_compute_backend_service" "service" {
  for_each = local.backends

  project               = var.project_id
  name                  = "${var.name}-${each.value}"
  protocol              = "HTTPS"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  security_policy       = google_compute_security_policy.armor.id

  backend {
    group = google_compute_region_network_endpoint_group.service[each.key].id
  }

  # Logs addresses and paths, but neither query strings nor headers, which carry API keys.
  log_config {
    enable      = true
    sample_rate = 1
  }
}

resource "google_compute_url_map" "front" {
  project = var.project_id
  name    = "${var.name}-front"

  # Unknown paths reach a function, which refuses requests without an API key.
  default_service = google_compute_backend_service.service[sort(values(var.services))[0]].id

  host_rule {
    hosts        = [var.domain]
    path_matcher = "functions"
  }

  path_matcher {
    name            = "functions"
    default_service = google_compute_backend_service.service[sort(values(var.services))[0]].id

    # Path rules know a star at the end only.
    dynamic "route_rules" {
      for_each = local.routes
      content {
        priority = route_rules.key + 1
        service  = google_compute_backend_service.service[route_rules.value.service].id

        dynamic "match_rules" {
          for_each = route_rules.value.template == null ? [] : [route_rules.value.template]
          content {
            path_template_match = match_rules.value
          }
        }
        dynamic "match_rules" {
          for_each = route_rules.value.prefix == null ? [] : [route_rules.value.prefix]
          content {
            full_path_match = match_rules.value
          }
        }
        dynamic "match_rules" {
          for_each = route_rules.value.prefix == null ? [] : [route_rules.value.prefix]
          content {
            prefix_match = "${match_rules.value}/"
          }
        }
      }
    }
  }

  dynamic "host_rule" {
    for_each = var.hosts
    content {
      hosts        = [host_rule.key]
      path_matcher = "all-of-${host_rule.value}"
    }
  }

  dynamic "path_matcher" {
    for_each = var.hosts
    content {
      name            = "all-of-${path_matcher.value}"
      default_service = google_compute_backend_service.service[path_matcher.value].id
    }
  }
}

resource "google_compute_target_https_proxy" "front" {
  project          = var.project_id
  name             = "${var.name}-front"
  url_map          = google_compute_url_map.front.id
  ssl_certificates = [google_compute_managed_ssl_certificate.front.id]
  ssl_policy       = google_compute_ssl_policy.modern.id
}

resource "google_compute_global_forwarding_rule" "https" {
  project               = var.project_id
  name                  = "${var.name}-https"
  target                = google_compute_target_https_proxy.front.id
  ip_address            = google_compute_global_address.front.id
  port_range            = "443"
  load_balancing_scheme = "EXTERNAL_MANAGED"
}
