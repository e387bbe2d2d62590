# What may leave the network: calls to Google's APIs, and to the database. Everything in the network sends all its traffic
# through it (egress = "ALL_TRAFFIC"; deliver-webhooks, what goes to private addresses), no address in it is public, and there
# is no Cloud NAT.

locals {
  # Google's addresses for its APIs (docs.cloud.google.com/vpc/docs/configure-private-google-access, domain options). The
  # first serves only APIs that VPC Service Controls can protect, which all that we call are
  # (docs.cloud.google.com/vpc-service-controls/docs/restricted-vip-services). No such list has www.googleapis.com, where
  # Firebase's public keys are, so that name alone leads to the second, which serves every Google API.
  restricted_range  = "199.36.153.4/30"
  private_range     = "199.36.153.8/30"
  restricted        = [for host in range(4) : cidrhost(local.restricted_range, host)]
  private           = [for host in range(4) : cidrhost(local.private_range, host)]
  reads_public_keys = "${var.name}-reads-public-keys"
}

resource "google_compute_firewall" "denies" {
  project            = var.project_id
  name               = "${var.name}-denies-egress"
  description        = "Nothing leaves the network that no other rule allows."
  network            = google_compute_network.private.id
  direction          = "EGRESS"
  priority           = 65000
  destination_ranges = ["0.0.0.0/0"]

  deny {
    protocol = "all"
  }

  log_config {
    metadata = "EXCLUDE_ALL_METADATA"
  }
}

resource "google_compute_firewall" "google_apis" {
  project            = var.project_id
  name               = "${var.name}-to-google-apis"
  network            = google_compute_network.private.id
  direction          = "EGRESS"
  priority           = 1000
  destination_ranges = [local.restricted_range]

  allow {
    protocol = "tcp"
    ports    = ["443"]
  }
}

# The proxies connect to port 3307 (docs.cloud.google.com/sql/docs/postgres/sql-proxy).
resource "google_compute_firewall" "database" {
  project            = var.project_id
  name               = "${var.name}-to-database"
  network            = google_compute_network.private.id
  direction          = "EGRESS"
  priority           = 1000
  destination_ranges = ["${google_compute_global_address.services.address}/${google_compute_global_address.services.prefix_length}"]

  allow {
    protocol = "tcp"
    ports    = ["3307"]
  }
}

resource "google_compute_firewall" "public_keys" {
  count = var.serves_firebase_users ? 1 : 0

  project            = var.project_id
  name               = "${var.name}-to-public-keys"
  network            = google_compute_network.private.id
  direction          = "EGRESS"
  priority           = 1000
  destination_ranges = [local.private_range]
  target_tags        = [local.reads_public_keys]

  allow {
    protocol = "tcp"
    ports    = ["443"]
  }
}

# --- names of Google's APIs lead to those addresses ---

resource "google_dns_managed_zone" "google_apis" {
  project     = var.project_id
  name        = "${var.name}-googleapis"
  description = "Google's APIs, on addresses that only this network reaches."
  dns_name    = "googleapis.com."
  visibility  = "private"

  private_visibility_config {
    networks {
      network_url = google_compute_network.private.id
    }
  }
}

resource "google_dns_record_set" "restricted" {
  project      = var.project_id
  managed_zone = google_dns_managed_zone.google_apis.name
  name         = "restricted.googleapis.com."
  type         = "A"
  ttl          = 300
  rrdatas      = local.restricted
}

resource "google_dns_record_set" "google_apis" {
  project      = var.project_id
  managed_zone = google_dns_managed_zone.google_apis.name
  name         = "*.googleapis.com."
  type         = "CNAME"
  ttl          = 300
  rrdatas      = ["restricted.googleapis.com."]
}

resource "google_dns_record_set" "public_keys" {
  count = var.serves_firebase_users ? 1 : 0

  project      = var.project_id
  managed_zone = google_dns_managed_zone.google_apis.name
  name         = "www.googleapis.com."
  type         = "A"
  ttl          = 300
  rrdatas      = local.private
}
