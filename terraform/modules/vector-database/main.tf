# Postgres with pgvector on a private address. Every client logs in by IAM as its service account: no passwords exist.

locals {
  database = "photofinish"
  # Database user names, as Cloud SQL derives them from service accounts.
  user_of = { for name, email in merge({ for name, user in var.users : name => user.email }, { owner = var.owner.email }) : name => trimsuffix(email, ".gserviceaccount.com") }

  # What a proxy in a sidecar does. Without --lazy-refresh it renews certificates in the background, which fails while an
  # instance without requests has no CPU (GoogleCloudPlatform/cloud-sql-proxy#2184).
  proxy_args = [
    "--private-ip", "--auto-iam-authn", "--lazy-refresh", "--port=5432", "--structured-logs", "--exit-zero-on-sigterm",
    "--health-check", "--http-address=0.0.0.0", "--http-port=9090", google_sql_database_instance.postgres.connection_name,
  ]

  # Cloud SQL's default by memory in GiB (cloud.google.com/sql/docs/postgres/flags, max_connections).
  default_max_connections = [
    { from_gib = 120, connections = 1000 },
    { from_gib = 60, connections = 800 },
    { from_gib = 30, connections = 600 },
    { from_gib = 15, connections = 500 },
    { from_gib = 7.5, connections = 400 },
    { from_gib = 6, connections = 200 },
    { from_gib = 3.75, connections = 100 },
  ]
  # db-custom-CPUS-MIB, or a predefined tier with 8 GiB per CPU.
  memory_gib           = try(tonumber(regex("^db-custom-[0-9]+-([0-9]+)$", var.instance.tier)[0]) / 1024, tonumber(regex("-([0-9]+)$", var.instance.tier)[0]) * 8)
  tier_max_connections = [for row in local.default_max_connections : row.connections if local.memory_gib >= row.from_gib][0]
  max_connections      = coalesce(var.instance.max_connections, local.tier_max_connections)

  flags = {
    "cloudsql.iam_authentication"      = "on"
    "maintenance_work_mem"             = tostring(var.instance.maintenance_work_mem_mib * 1024)
    "max_parallel_maintenance_workers" = tostring(var.instance.index_build_workers)
    "max_connections"                  = tostring(local.max_connections)
    "log_checkpoints"                  = "on"
    "log_connections"                  = "on"
    "log_disconnections"               = "on"
    "log_lock_waits"                   = "on"
    # A slow statement would be logged with its parameters: vectors and names. log_parameter_max_length would leave these
    # out, but Cloud SQL is not documented to have that flag. Query Insights shows slow statements without parameters.
    "log_min_duration_statement" = "-1"
    "log_temp_files"             = "0"
  }
}

# --- network ---

resource "google_compute_network" "private" {
  project                 = var.project_id
  name                    = var.name
  auto_create_subnetworks = false
}

resource "google_compute_subnetwork" "run" {
  project                  = var.project_id
  name                     = "${var.name}-run"
  region                   = var.region
  network                  = google_compute_network.private.id
  ip_cidr_range            = var.network_range
  private_ip_google_access = true

  log_config {
    aggregation_interval = "INTERVAL_10_MIN"
    flow_sampling        = 0.1
    metadata             = "EXCLUDE_ALL_METADATA"
  }
}

resource "google_compute_global_address" "services" {
  project       = var.project_id
  name          = "${var.name}-services"
  network       = google_compute_network.private.id
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 20
}

resource "google_service_networking_connection" "services" {
  network                 = google_compute_network.private.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.services.name]
  # Google frees the peering only days after the database is deleted, so deleting it here would fail.
  deletion_policy = "ABANDON"
}

# --- instance ---

resource "google_sql_database_instance" "postgres" {
  project             = var.project_id
  name                = var.name
  region              = var.region
  database_version    = var.instance.version
  encryption_key_name = var.kms_key
  deletion_protection = var.deletion_protection

  settings {
    edition                     = var.instance.edition
    tier                        = var.instance.tier
    availability_type           = var.instance.high_availability ? "REGIONAL" : "ZONAL"
    disk_type                   = "PD_SSD"
    disk_size                   = var.instance.disk_gib
    disk_autoresize             = true
    disk_autoresize_limit       = var.instance.disk_max_gib
    connector_enforcement       = "REQUIRED"
    deletion_protection_enabled = var.deletion_protection
    retain_backups_on_delete    = var.backup.keep_after_delete

    ip_configuration {
      ipv4_enabled    = false
      private_network = google_compute_network.private.id
      ssl_mode        = "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"
    }

    backup_configuration {
      enabled                        = true
      start_time                     = var.backup.start_time
      location                       = var.region
      point_in_time_recovery_enabled = true
      transaction_log_retention_days = var.backup.point_in_time_days
      backup_retention_settings {
        retained_backups = var.backup.keep
        retention_unit   = "COUNT"
      }
    }

    final_backup_config {
      enabled        = true
      retention_days = var.backup.final_backup_for_days
    }

    insights_config {
      query_insights_enabled  = true
      query_plans_per_minute  = 5
      query_string_length     = 1024
      record_application_tags = false
      record_client_address   = false
    }

    maintenance_window {
      day          = 2
      hour         = 4
      update_track = "stable"
    }

    dynamic "database_flags" {
      for_each = local.flags
      content {
        name  = database_flags.key
        value = database_flags.value
      }
    }
  }

  lifecycle {
    ignore_changes = [settings[0].disk_size] # the disk grows automatically

    precondition {
      condition     = local.max_connections <= local.tier_max_connections
      error_message = "instance.max_connections must be at most ${local.tier_max_connections}, Cloud SQL's default for the memory of ${var.instance.tier}: choose a larger tier."
    }
  }

  depends_on = [google_service_networking_connection.services]
}

resource "google_sql_database" "photofinish" {
  project  = var.project_id
  instance = google_sql_database_instance.postgres.name
  name     = local.database
}

# The first migration creates the pgvector extension; Cloud SQL allows that to this role only.
resource "google_sql_user" "owner" {
  project         = var.project_id
  instance        = google_sql_database_instance.postgres.name
  name            = local.user_of["owner"]
  type            = "CLOUD_IAM_SERVICE_ACCOUNT"
  database_roles  = ["cloudsqlsuperuser"]
  deletion_policy = "ABANDON" # Postgres refuses to drop a user that owns tables
}

# Users own nothing and start without rights: each migration grants them rows of the tables that they use. SQL functions
# that run with the owner's rights do the rest, such as creating an album's partition.
resource "google_sql_user" "user" {
  for_each = var.users

  project         = var.project_id
  instance        = google_sql_database_instance.postgres.name
  name            = local.user_of[each.key]
  type            = "CLOUD_IAM_SERVICE_ACCOUNT"
  deletion_policy = "ABANDON" # Postgres refuses to drop a user that was granted something
}

resource "google_project_iam_member" "owner_connects" {
  for_each = toset(["roles/cloudsql.client", "roles/cloudsql.instanceUser"])

  project = var.project_id
  role    = each.key
  member  = var.owner.member
}

# --- migrations ---

resource "google_cloud_run_v2_job" "migrate" {
  project             = var.project_id
  name                = "migrate"
  location            = var.region
  deletion_protection = var.deletion_protection

  template {
    task_count = 1

    template {
      service_account       = var.owner.email
      timeout               = "3600s"
      max_retries           = 0
      execution_environment = "EXECUTION_ENVIRONMENT_GEN2"
      encryption_key        = var.kms_key

      containers {
        name       = "migrate"
        image      = var.migration.image
        command    = ["photofinish"]
        args       = concat(["migrate"], [for name, user in var.users : "--grant=${user.rights}:${local.user_of[name]}"])
        depends_on = ["database-proxy"]

        resources {
          limits = { cpu = "1", memory = "1Gi" }
        }

        dynamic "env" {
          for_each = merge(var.migration.env, { DATABASE_URL = "host=127.0.0.1 port=5432 dbname=${local.database} user=${local.user_of["owner"]} sslmode=disable" })
          content {
            name  = env.key
            value = env.value
          }
        }
      }

      containers {
        name  = "database-proxy"
        image = var.proxy.image
        args  = local.proxy_args

        resources {
          limits = { cpu = var.proxy.cpu, memory = var.proxy.memory }
        }

        startup_probe {
          period_seconds    = 1
          timeout_seconds   = 1
          failure_threshold = 60
          http_get {
            path = "/startup"
            port = 9090
          }
        }
      }

      vpc_access {
        egress = "ALL_TRAFFIC" # egress.tf denies it
        network_interfaces {
          network    = google_compute_network.private.id
          subnetwork = google_compute_subnetwork.run.id
        }
      }
    }
  }

  lifecycle {
    # The deploy (cloudbuild.yaml) sets the image.
    ignore_changes = [client, client_version, template[0].template[0].containers[0].image]
  }
}

resource "google_cloud_run_v2_job_iam_member" "deploys" {
  for_each = var.deployers

  project  = var.project_id
  location = google_cloud_run_v2_job.migrate.location
  name     = google_cloud_run_v2_job.migrate.name
  role     = each.value.role
  member   = each.value.member
}
