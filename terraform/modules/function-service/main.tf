# One function on Cloud Run with its own service account, which starts without roles: the calling module grants them.

locals {
  ingress = {
    internal      = "INGRESS_TRAFFIC_INTERNAL_ONLY"
    load_balancer = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
    all           = "INGRESS_TRAFFIC_ALL"
  }
  # A functions-framework process uses one core, so there is one per core; each serves its share of requests in threads.
  framework_env = {
    FUNCTION_TARGET = var.target
    FUNCTION_SOURCE = "/app/main.py"
    WORKERS         = tostring(ceil(var.size.cpu))
    THREADS         = tostring(ceil(var.size.concurrency / ceil(var.size.cpu)))
  }
}

resource "google_service_account" "function" {
  project      = var.project_id
  account_id   = "fn-${var.name}"
  display_name = "Function ${var.target}"
}

resource "google_cloud_run_v2_service" "function" {
  project             = var.project_id
  name                = var.name
  location            = var.region
  ingress             = local.ingress[var.ingress]
  deletion_protection = var.deletion_protection
  # false: only members with the invoker role may call.
  invoker_iam_disabled = var.open_to_everyone

  template {
    service_account                  = google_service_account.function.email
    timeout                          = "${var.size.timeout_s}s"
    max_instance_request_concurrency = var.size.concurrency
    # Below 1 CPU there is only the first generation (docs.cloud.google.com/run/docs/configuring/cpu).
    execution_environment = var.size.cpu < 1 ? "EXECUTION_ENVIRONMENT_GEN1" : "EXECUTION_ENVIRONMENT_GEN2"
    encryption_key        = var.kms_key

    scaling {
      min_instance_count = var.size.min_instances
      max_instance_count = var.size.max_instances
    }

    containers {
      name       = "function"
      image      = var.image
      depends_on = var.database == null ? [] : ["database-proxy"]

      ports {
        container_port = 8080
      }

      resources {
        limits            = { cpu = tostring(var.size.cpu), memory = var.size.memory_gib < 1 ? "${var.size.memory_gib * 1024}Mi" : "${var.size.memory_gib}Gi" }
        cpu_idle          = true
        startup_cpu_boost = true
      }

      # Answers once the database can be reached, which may take a minute or more after the start with direct VPC egress.
      # Cloud Run allows 240 s. The public image of the first apply answers on every path.
      startup_probe {
        period_seconds    = 1
        timeout_seconds   = 1
        failure_threshold = 120
        http_get {
          path = "/ready"
          port = 8080
        }
      }

      dynamic "env" {
        for_each = merge(var.env, local.framework_env)
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = var.secret_env
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = env.value
              version = "latest"
            }
          }
        }
      }
    }

    # Logs in to the database as the function's service account, so no password exists.
    dynamic "containers" {
      for_each = var.database == null ? [] : [var.database]
      content {
        name  = "database-proxy"
        image = containers.value.proxy.image
        args  = containers.value.proxy.args

        resources {
          limits   = { cpu = containers.value.proxy.cpu, memory = containers.value.proxy.memory }
          cpu_idle = true
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
    }

    dynamic "vpc_access" {
      for_each = var.database == null ? [] : [var.database]
      content {
        # Private addresses always go through the network, whose firewall denies them.
        egress = var.calls_internet ? "PRIVATE_RANGES_ONLY" : "ALL_TRAFFIC"
        network_interfaces {
          network    = vpc_access.value.network
          subnetwork = vpc_access.value.subnetwork
          tags       = var.network_tags
        }
      }
    }
  }

  lifecycle {
    # The deploy (cloudbuild.yaml) sets the image and the traffic.
    ignore_changes = [client, client_version, template[0].containers[0].image, template[0].revision, traffic]
  }

  depends_on = [time_sleep.secrets_readable]
}

# A revision that may not read its secrets is refused, and a grant takes a minute or two to take effect.
resource "time_sleep" "secrets_readable" {
  count = length(var.secret_env) == 0 ? 0 : 1

  create_duration = "120s"
  triggers        = var.secret_env

  depends_on = [google_secret_manager_secret_iam_member.reads]
}

resource "google_secret_manager_secret_iam_member" "reads" {
  for_each = var.secret_env

  project   = var.project_id
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.function.member
}

resource "google_project_iam_member" "connects" {
  for_each = var.database == null ? toset([]) : toset(["roles/cloudsql.client", "roles/cloudsql.instanceUser"])

  project = var.project_id
  role    = each.key
  member  = google_service_account.function.member
}

resource "google_cloud_run_v2_service_iam_member" "deploys" {
  for_each = var.deployers

  project  = var.project_id
  location = google_cloud_run_v2_service.function.location
  name     = google_cloud_run_v2_service.function.name
  role     = each.value.role
  member   = each.value.member
}

resource "google_service_account_iam_member" "deploys_as" {
  for_each = var.deployers

  service_account_id = google_service_account.function.name
  role               = "roles/iam.serviceAccountUser"
  member             = each.value.member
}
