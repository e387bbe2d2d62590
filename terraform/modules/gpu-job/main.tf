# The job that analyses photos, and the queue that its tasks pull from.

locals {
  on_gpu   = var.processor == "gpu"
  tensorrt = local.on_gpu && var.acceleration.provider == "tensorrt"
  # In order of preference: CUDA runs what TensorRT cannot.
  providers = concat(
    local.tensorrt ? ["TensorrtExecutionProvider"] : [],
    local.on_gpu ? ["CUDAExecutionProvider"] : [],
    ["CPUExecutionProvider"],
  )
  engines_folder = "/var/cache/tensorrt"

  env = merge(
    var.env,
    {
      PHOTOFINISH_ONNX_PROVIDERS = join(",", local.providers)
      PHOTOFINISH_THREADS        = tostring(var.size.cpu)
      PHOTOFINISH_TASK_TIMEOUT_S = tostring(var.task_timeout_s)
      PHOTOFINISH_ACK_DEADLINE_S = tostring(var.work.ack_deadline_s)
    },
    local.on_gpu && var.cuda_forward_compatibility ? { LD_LIBRARY_PATH = "/usr/local/cuda/compat:/usr/local/nvidia/lib64:/usr/local/cuda/lib64" } : {},
    local.tensorrt ? { PHOTOFINISH_TENSORRT_CACHE_DIR = local.engines_folder, PHOTOFINISH_FP16 = tostring(var.acceleration.fp16) } : {},
    var.models.face_pack != null ? { PHOTOFINISH_FACE_PACK = var.models.face_pack, PHOTOFINISH_ACCEPT_NONCOMMERCIAL = tostring(var.models.accept_noncommercial) } : {},
    var.models.bib_detector != null ? { PHOTOFINISH_BIB_DETECTOR = var.models.bib_detector } : {},
    var.models.text_engine == "paddleocr" ? { PHOTOFINISH_TEXT_ENGINE = var.models.text_engine, PHOTOFINISH_PADDLE_MODELS = var.models.paddle_models } : {},
  )
}

resource "google_cloud_run_v2_job" "analyze" {
  project             = var.project_id
  name                = var.name
  location            = var.region
  deletion_protection = var.deletion_protection

  template {
    # launch_workers overrides the number of tasks per execution; all tasks run at the same time.
    task_count  = 1
    parallelism = 0

    template {
      service_account               = var.service_account.email
      timeout                       = "${var.task_timeout_s}s"
      max_retries                   = var.size.max_retries
      execution_environment         = "EXECUTION_ENVIRONMENT_GEN2"
      encryption_key                = var.kms_key
      gpu_zonal_redundancy_disabled = local.on_gpu ? true : null

      dynamic "node_selector" {
        for_each = local.on_gpu ? ["nvidia-l4"] : []
        content {
          accelerator = node_selector.value
        }
      }

      containers {
        name       = "analyze"
        image      = var.image
        depends_on = ["database-proxy"]

        resources {
          limits = merge(
            { cpu = tostring(var.size.cpu), memory = "${var.size.memory_gib}Gi" },
            local.on_gpu ? { "nvidia.com/gpu" = "1" } : {},
          )
        }

        dynamic "env" {
          for_each = local.env
          content {
            name  = env.key
            value = env.value
          }
        }

        dynamic "volume_mounts" {
          for_each = local.tensorrt ? [local.engines_folder] : []
          content {
            name       = "engines"
            mount_path = volume_mounts.value
          }
        }
      }

      # Logs in to the database as the job's service account, so no password exists.
      containers {
        name  = "database-proxy"
        image = var.database.proxy_image
        args = [
          "--private-ip", "--auto-iam-authn", "--port=5432", "--structured-logs", "--exit-zero-on-sigterm",
          "--health-check", "--http-address=0.0.0.0", "--http-port=9090", var.database.connection_name,
        ]

        resources {
          limits = { cpu = "1", memory = "512Mi" }
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

      dynamic "volumes" {
        for_each = google_storage_bucket.engines
        content {
          name = "engines"
          gcs {
            bucket    = volumes.value.name
            read_only = false
            # The image's user (gpu_jobs/Dockerfile); by default only root may write.
            mount_options = ["uid=10001", "gid=10001"]
          }
        }
      }

      vpc_access {
        egress = "PRIVATE_RANGES_ONLY"
        network_interfaces {
          network    = var.database.network
          subnetwork = var.database.subnetwork
        }
      }
    }
  }

  lifecycle {
    # The deploy (cloudbuild.yaml) sets the image.
    ignore_changes = [client, client_version, template[0].template[0].containers[0].image]
  }
}

# --- TensorRT engines: the first task that needs one builds it, which takes minutes; all others read it ---

resource "google_storage_bucket" "engines" {
  count = local.tensorrt ? 1 : 0

  project                     = var.project_id
  name                        = var.acceleration.engines_bucket
  location                    = var.region
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true

  versioning {
    enabled = false
  }

  soft_delete_policy {
    retention_duration_seconds = 0
  }

  # Removes engines of models that are no longer used; an engine in use is rebuilt.
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age        = 90
      with_state = "ANY"
    }
  }

  dynamic "encryption" {
    for_each = var.kms_key == null ? [] : [var.kms_key]
    content {
      default_kms_key_name = encryption.value
    }
  }
}

resource "google_storage_bucket_iam_member" "keeps_engines" {
  for_each = { for bucket in google_storage_bucket.engines : "engines" => bucket.name }

  bucket = each.value
  role   = "roles/storage.objectUser"
  member = var.service_account.member
}

# --- the queue ---

resource "google_pubsub_subscription" "work" {
  project                      = var.project_id
  name                         = var.work.subscription
  topic                        = var.work.topic
  ack_deadline_seconds         = var.work.ack_deadline_s
  message_retention_duration   = "${var.work.retention_s}s"
  enable_exactly_once_delivery = var.work.exactly_once

  # Never expires when idle.
  expiration_policy {
    ttl = ""
  }

  retry_policy {
    minimum_backoff = "${var.work.minimum_backoff_s}s"
    maximum_backoff = "${var.work.maximum_backoff_s}s"
  }

  dead_letter_policy {
    dead_letter_topic     = var.work.dead_letter_topic
    max_delivery_attempts = var.work.max_delivery_attempts
  }
}

# Without both of these roles Pub/Sub silently never forwards dead letters.
resource "google_pubsub_topic_iam_member" "forwards_dead_letters" {
  project = var.project_id
  topic   = var.work.dead_letter_topic
  role    = "roles/pubsub.publisher"
  member  = var.pubsub_service_agent
}

resource "google_pubsub_subscription_iam_member" "takes_dead_letters" {
  project      = var.project_id
  subscription = google_pubsub_subscription.work.name
  role         = "roles/pubsub.subscriber"
  member       = var.pubsub_service_agent
}

# --- what a task may do ---

resource "google_pubsub_subscription_iam_member" "pulls" {
  project      = var.project_id
  subscription = google_pubsub_subscription.work.name
  role         = "roles/pubsub.subscriber"
  member       = var.service_account.member
}

resource "google_pubsub_topic_iam_member" "publishes" {
  for_each = var.publishes_to

  project = var.project_id
  topic   = each.value
  role    = "roles/pubsub.publisher"
  member  = var.service_account.member
}

resource "google_project_iam_member" "role" {
  for_each = var.project_roles

  project = var.project_id
  role    = each.key
  member  = var.service_account.member
}

# --- who may start it ---

resource "google_cloud_run_v2_job_iam_member" "launches" {
  for_each = var.launchers

  project  = var.project_id
  location = google_cloud_run_v2_job.analyze.location
  name     = google_cloud_run_v2_job.analyze.name
  role     = "roles/run.jobsExecutorWithOverrides"
  member   = each.value
}

# --- who may deploy it ---

resource "google_cloud_run_v2_job_iam_member" "deploys" {
  for_each = var.deployers

  project  = var.project_id
  location = google_cloud_run_v2_job.analyze.location
  name     = google_cloud_run_v2_job.analyze.name
  role     = "roles/run.developer"
  member   = each.value
}

resource "google_service_account_iam_member" "deploys_as" {
  for_each = var.deployers

  service_account_id = var.service_account.name
  role               = "roles/iam.serviceAccountUser"
  member             = each.value
}
