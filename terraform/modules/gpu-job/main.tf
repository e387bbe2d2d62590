# The job that analyses photos, or with processor = auto the two jobs, and the queue's two lanes that their tasks pull from.

locals {
  # The fallback's tasks soon end, so that GPU tasks take their places when there is a GPU again: both share max_tasks.
  fallback_timeout_s = min(900, var.task_timeout_s)
  jobs = merge(
    { main = { name = var.name, on_gpu = var.processor != "cpu", timeout_s = var.task_timeout_s } },
    var.processor == "auto" ? { fallback = { name = "${var.name}-cpu", on_gpu = false, timeout_s = local.fallback_timeout_s } } : {},
  )
  # In order of preference: CUDA runs what TensorRT cannot.
  providers = {
    for key, job in local.jobs : key => concat(
      job.on_gpu && var.acceleration.provider == "tensorrt" ? ["TensorrtExecutionProvider"] : [],
      job.on_gpu ? ["CUDAExecutionProvider"] : [],
      ["CPUExecutionProvider"],
    )
  }
  tensorrt       = var.processor != "cpu" && var.acceleration.provider == "tensorrt"
  engines_folder = "/var/cache/tensorrt"

  env = { for key, job in local.jobs : key => merge(
    var.env,
    {
      PHOTOFINISH_ONNX_PROVIDERS = join(",", local.providers[key])
      PHOTOFINISH_THREADS        = tostring(var.size.cpu)
      PHOTOFINISH_TASK_TIMEOUT_S = tostring(job.timeout_s)
      PHOTOFINISH_ACK_DEADLINE_S = tostring(var.work.ack_deadline_s)
    },
    job.on_gpu && local.tensorrt ? { PHOTOFINISH_TENSORRT_CACHE_DIR = local.engines_folder, PHOTOFINISH_FP16 = tostring(var.acceleration.fp16) } : {},
    var.models.face_pack != null ? { PHOTOFINISH_FACE_PACK = var.models.face_pack, PHOTOFINISH_ACCEPT_NONCOMMERCIAL = tostring(var.models.accept_noncommercial) } : {},
    var.models.bib_detector != null ? { PHOTOFINISH_BIB_DETECTOR = var.models.bib_detector } : {},
    var.models.label_search ? { PHOTOFINISH_LABEL_SEARCH = "true" } : {},
    var.models.picture_pair != null ? { PHOTOFINISH_PICTURE_PAIR = var.models.picture_pair } : {},
    var.models.text_engine == "paddleocr" ? { PHOTOFINISH_TEXT_ENGINE = var.models.text_engine, PHOTOFINISH_PADDLE_MODELS = var.models.paddle_models } : {},
  ) }

  launches = { for pair in setproduct(keys(local.jobs), keys(var.launchers)) : join(" by ", pair) => { job = pair[0], member = var.launchers[pair[1]] } }
  deploys  = { for pair in setproduct(keys(local.jobs), keys(var.deployers)) : join(" by ", pair) => { job = pair[0], member = var.deployers[pair[1]].member, role = var.deployers[pair[1]].role } }
}

moved {
  from = google_cloud_run_v2_job.analyze
  to   = google_cloud_run_v2_job.analyze["main"]
}

resource "google_cloud_run_v2_job" "analyze" {
  for_each = local.jobs

  project             = var.project_id
  name                = each.value.name
  location            = var.region
  deletion_protection = var.deletion_protection
  # A preview, see task_timeout_s.
  launch_stage = each.value.on_gpu && each.value.timeout_s > 3600 ? "BETA" : null

  template {
    # launch_workers overrides the number of tasks per execution; all tasks run at the same time.
    task_count  = 1
    parallelism = 0

    template {
      service_account               = var.service_account.email
      timeout                       = "${each.value.timeout_s}s"
      max_retries                   = var.size.max_retries
      execution_environment         = "EXECUTION_ENVIRONMENT_GEN2"
      encryption_key                = var.kms_key
      gpu_zonal_redundancy_disabled = each.value.on_gpu ? true : null

      dynamic "node_selector" {
        for_each = each.value.on_gpu ? [var.accelerator] : []
        content {
          accelerator = node_selector.value
        }
      }

      containers {
        name  = "analyze"
        image = var.image
        # An override may replace `args`, but not `command` (docs.cloud.google.com/run/docs/reference/rest/v2/projects.locations.jobs/run).
        # So a caller that starts the job cannot choose another program; the program takes no arguments, and with -I no PYTHON*
        # variable makes it load other code. -u and -B are what the image's variables say.
        command    = ["python", "-I", "-u", "-B", "-m", "photofinish_jobs"]
        depends_on = ["database-proxy"]

        resources {
          limits = merge(
            { cpu = tostring(var.size.cpu), memory = "${var.size.memory_gib}Gi" },
            each.value.on_gpu ? { "nvidia.com/gpu" = "1" } : {},
          )
        }

        dynamic "env" {
          for_each = local.env[each.key]
          content {
            name  = env.key
            value = env.value
          }
        }

        dynamic "volume_mounts" {
          for_each = each.value.on_gpu && local.tensorrt ? [local.engines_folder] : []
          content {
            name       = "engines"
            mount_path = volume_mounts.value
          }
        }
      }

      # Logs in to the database as the job's service account, so no password exists. It must stay the second container:
      # a task ends when the first one does (cloud.google.com/run/docs/create-jobs).
      containers {
        name  = "database-proxy"
        image = var.database.proxy.image
        args  = var.database.proxy.args

        resources {
          limits = { cpu = var.database.proxy.cpu, memory = var.database.proxy.memory }
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
        for_each = each.value.on_gpu ? google_storage_bucket.engines : []
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
        egress = "ALL_TRAFFIC"
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

moved {
  from = google_pubsub_subscription.work
  to   = google_pubsub_subscription.work["prompt"]
}

moved {
  from = google_pubsub_subscription_iam_member.takes_dead_letters
  to   = google_pubsub_subscription_iam_member.takes_dead_letters["prompt"]
}

moved {
  from = google_pubsub_subscription_iam_member.pulls
  to   = google_pubsub_subscription_iam_member.pulls["prompt"]
}

resource "google_pubsub_subscription" "work" {
  for_each = var.work.lanes

  project                      = var.project_id
  name                         = each.value.subscription
  topic                        = each.value.topic
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
  for_each = google_pubsub_subscription.work

  project      = var.project_id
  subscription = each.value.name
  role         = "roles/pubsub.subscriber"
  member       = var.pubsub_service_agent
}

# --- what a task may do ---

resource "google_pubsub_subscription_iam_member" "pulls" {
  for_each = google_pubsub_subscription.work

  project      = var.project_id
  subscription = each.value.name
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
  for_each = local.launches

  project  = var.project_id
  location = google_cloud_run_v2_job.analyze[each.value.job].location
  name     = google_cloud_run_v2_job.analyze[each.value.job].name
  role     = "roles/run.jobsExecutorWithOverrides"
  member   = each.value.member
}

# The launcher has to find out whether an execution got its GPUs (run.executions.get).
resource "google_cloud_run_v2_job_iam_member" "watches" {
  for_each = var.processor == "auto" ? var.launchers : {}

  project  = var.project_id
  location = google_cloud_run_v2_job.analyze["main"].location
  name     = google_cloud_run_v2_job.analyze["main"].name
  role     = "roles/run.viewer"
  member   = each.value
}

# --- who may deploy it ---

resource "google_cloud_run_v2_job_iam_member" "deploys" {
  for_each = local.deploys

  project  = var.project_id
  location = google_cloud_run_v2_job.analyze[each.value.job].location
  name     = google_cloud_run_v2_job.analyze[each.value.job].name
  role     = each.value.role
  member   = each.value.member
}

resource "google_service_account_iam_member" "deploys_as" {
  for_each = var.deployers

  service_account_id = var.service_account.name
  role               = "roles/iam.serviceAccountUser"
  member             = each.value.member
}
