# The one public door.

mock_provider "google" {}

variables {
  project_id = "my-project"
  region     = "europe-west1"
  domain     = "search.example.com"
  services   = { "/find_by_bib" = "find-by-bib", "/find_by_selfie" = "find-by-selfie" }
}

run "defaults" {
  module {
    source = "./modules/public-gateway"
  }

  assert {
    condition     = { for rule in google_compute_security_policy.armor.rule : rule.priority => rule.action } == { 1000 = "deny(403)", 2000 = "rate_based_ban", 2147483647 = "allow" }
    error_message = "Large requests are refused and frequent ones shut out; what remains has to show a key."
  }
  assert {
    condition     = one([for rule in google_compute_security_policy.armor.rule : rule.rate_limit_options[0].rate_limit_threshold[0].count if rule.priority == 2000]) == 120
    error_message = "An address has 120 requests a minute."
  }
  assert {
    condition     = alltrue([for backend in google_compute_backend_service.service : backend.security_policy == google_compute_security_policy.armor.id])
    error_message = "Every function is behind the limits."
  }
  assert {
    condition     = google_compute_ssl_policy.modern.min_tls_version == "TLS_1_2" && google_compute_global_forwarding_rule.https.port_range == "443"
    error_message = "Only TLS 1.2 and newer is spoken."
  }
  assert {
    condition     = { for rule in google_compute_url_map.front.path_matcher[0].path_rule : sort(rule.paths)[0] => rule.service } == { for path in keys(var.services) : path => google_compute_backend_service.service[path].id }
    error_message = "Every path leads to its function."
  }
  assert {
    condition     = output.urls == { "/find_by_bib" = "https://search.example.com/find_by_bib", "/find_by_selfie" = "https://search.example.com/find_by_selfie" }
    error_message = "Callers are told the public addresses."
  }
}

run "odd_intervals_are_refused" {
  command = plan
  module {
    source = "./modules/public-gateway"
  }
  variables {
    rate_limit = { interval_s = 45 }
  }
  expect_failures = [var.rate_limit]
}

run "more_than_cloud_run_takes_is_refused" {
  command = plan
  module {
    source = "./modules/public-gateway"
  }
  variables {
    max_request_bytes = 50000000
  }
  expect_failures = [var.max_request_bytes]
}

run "a_url_is_no_domain" {
  command = plan
  module {
    source = "./modules/public-gateway"
  }
  variables {
    domain = "https://search.example.com"
  }
  expect_failures = [var.domain]
}

run "wrong_paths_are_refused" {
  command = plan
  module {
    source = "./modules/public-gateway"
  }
  variables {
    services = { "find_by_bib" = "find-by-bib" }
  }
  expect_failures = [var.services]
}
