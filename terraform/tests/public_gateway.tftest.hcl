# The public load balancer.

mock_provider "google" {}

variables {
  project_id = "my-project"
  region     = "europe-west1"
  domain     = "search.example.com"
  services   = { "/v1" = "api" }
  paths      = { "/v1/events/ws" = "live", "/v1/albums/*/events/stream" = "live" }
  hosts      = { "aws.example.com" = "rekognition" }
}

run "defaults" {
  module {
    source = "./modules/public-gateway"
  }

  assert {
    condition     = { for rule in google_compute_security_policy.armor.rule : rule.priority => rule.action } == { 1000 = "deny(403)", 2000 = "rate_based_ban", 2147483647 = "allow" }
    error_message = "Large requests are refused and frequent callers blocked; all other requests need an API key."
  }
  assert {
    condition     = one([for rule in google_compute_security_policy.armor.rule : rule.rate_limit_options[0].rate_limit_threshold[0].count if rule.priority == 2000]) == 600
    error_message = "An address may make 600 requests a minute."
  }
  assert {
    condition     = alltrue([for backend in google_compute_backend_service.service : backend.security_policy == google_compute_security_policy.armor.id])
    error_message = "Every function is behind the limits."
  }
  assert {
    condition     = google_compute_ssl_policy.modern.min_tls_version == "TLS_1_2" && google_compute_global_forwarding_rule.https.port_range == "443"
    error_message = "Only TLS 1.2 and newer is accepted."
  }
  assert {
    condition = [for rule in google_compute_url_map.front.path_matcher[0].route_rules : [rule.priority, rule.service, coalesce(rule.match_rules[0].path_template_match, rule.match_rules[0].full_path_match)]] == [
      [1, google_compute_backend_service.service["live"].id, "/v1/albums/*/events/stream"],
      [2, google_compute_backend_service.service["live"].id, "/v1/events/ws"],
      [3, google_compute_backend_service.service["api"].id, "/v1"],
    ]
    error_message = "Every path leads to its function, single paths first."
  }
  assert {
    condition     = google_compute_url_map.front.path_matcher[0].route_rules[2].match_rules[1].prefix_match == "/v1/"
    error_message = "A prefix stands for all paths below it."
  }
  assert {
    condition     = output.urls == { "/v1" = "https://search.example.com/v1" } && output.domains == ["search.example.com", "aws.example.com"]
    error_message = "The outputs contain the public URLs."
  }
  assert {
    condition     = google_compute_url_map.front.path_matcher[1].default_service == google_compute_backend_service.service["rekognition"].id && anytrue([for rule in google_compute_url_map.front.host_rule : rule.hosts == toset(["aws.example.com"]) && rule.path_matcher == "all-of-rekognition"])
    error_message = "An additional host leads to its service on every path."
  }
  assert {
    condition     = google_compute_managed_ssl_certificate.front.managed[0].domains == tolist(["search.example.com", "aws.example.com"])
    error_message = "The certificate covers every host."
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

run "a_url_as_domain_is_refused" {
  command = plan
  module {
    source = "./modules/public-gateway"
  }
  variables {
    domain = "https://search.example.com"
  }
  expect_failures = [var.domain]
}

run "an_ip_address_as_host_is_refused" {
  command = plan
  module {
    source = "./modules/public-gateway"
  }
  variables {
    hosts = { "https://aws.example.com/" = "rekognition" }
  }
  expect_failures = [var.hosts]
}

run "wrong_paths_are_refused" {
  command = plan
  module {
    source = "./modules/public-gateway"
  }
  variables {
    services = { "v1" = "api" }
  }
  expect_failures = [var.services]
}
