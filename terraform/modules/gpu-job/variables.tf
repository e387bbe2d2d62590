variable "project_id" {
  description = "Project of the job."
  type        = string
}

variable "region" {
  description = "Region of the job."
  type        = string
}

variable "name" {
  description = "Name of the job; with processor = auto, the job without GPU is called `NAME-cpu`."
  type        = string
  default     = "analyze"
}

variable "image" {
  description = "Image of the job. Only the first apply uses it; later the deploy sets the image."
  type        = string
}

variable "env" {
  description = "Environment variables in addition to those derived from the other variables."
  type        = map(string)
}

variable "processor" {
  description = <<-EOT
    What the models run on: gpu (one per task, see `accelerator`), cpu (many times slower, needs no GPU quota), or auto: a job for
    each, of which the launcher uses the one without GPU while Cloud Run refuses GPUs for quota.
  EOT
  type        = string
  default     = "gpu"

  validation {
    condition     = contains(["gpu", "cpu", "auto"], var.processor)
    error_message = "processor must be gpu, cpu or auto."
  }
  validation {
    condition     = var.accelerator == "nvidia-l4" || var.processor != "auto"
    error_message = "processor = \"auto\" needs an nvidia-l4: a job without GPU cannot be as large as an nvidia-rtx-pro-6000 needs."
  }
  validation {
    condition     = var.processor == "cpu" || var.accelerator != "nvidia-l4" || contains(["asia-south1", "asia-southeast1", "europe-west1", "europe-west4", "us-central1", "us-east4"], var.region)
    error_message = "Cloud Run has no L4 in this region: choose asia-south1, asia-southeast1, europe-west1, europe-west4, us-central1 or us-east4, or set processor = \"cpu\"."
  }
}

variable "accelerator" {
  description = <<-EOT
    The GPU of a task: nvidia-l4 (Cloud Run's driver is 535, so the image must have CUDA 12, as it does by default) or
    nvidia-rtx-pro-6000 (preview, not in every region; the driver is 580: build the image with CUDA 13). Source:
    docs.cloud.google.com/run/docs/configuring/jobs/gpu
  EOT
  type        = string
  default     = "nvidia-l4"

  validation {
    condition     = contains(["nvidia-l4", "nvidia-rtx-pro-6000"], var.accelerator)
    error_message = "accelerator must be nvidia-l4 or nvidia-rtx-pro-6000."
  }
}

variable "size" {
  description = "CPU and memory per task, and how often a failed task is restarted. An L4 requires at least 4 CPU and 16 GiB, an RTX PRO 6000 at least 20 CPU and 80 GiB. Beside an L4, 4 CPU may have 16 GiB at most, 6 CPU 24 GiB, and an instance with its sidecar 8 CPU and 32 GiB (docs.cloud.google.com/run/docs/configuring/jobs/cpu)."
  type = object({
    cpu         = optional(number, 4)
    memory_gib  = optional(number, 16)
    max_retries = optional(number, 3)
  })
  default = {}

  validation {
    condition     = (var.processor != "cpu" && var.accelerator == "nvidia-rtx-pro-6000") ? var.size.cpu >= 20 && var.size.memory_gib >= 80 : contains([4, 6], var.size.cpu)
    error_message = "size.cpu must be 4 or 6: with the proxy's, an instance may have 8 at most. With an nvidia-rtx-pro-6000: at least 20, and size.memory_gib at least 80."
  }
  validation {
    condition     = (var.processor != "cpu" && var.accelerator == "nvidia-rtx-pro-6000") || (var.size.memory_gib >= 16 && var.size.memory_gib <= 4 * var.size.cpu)
    error_message = "size.memory_gib must be 16 to 4 times size.cpu."
  }
  validation {
    condition     = var.size.max_retries >= 0 && var.size.max_retries <= 10
    error_message = "size.max_retries must be 0 to 10."
  }
}

variable "task_timeout_s" {
  description = <<-EOT
    Task timeout. A task stops pulling photos well before it. With a GPU at most 3600 s, or up to 43200 s as a preview of
    Google's (docs.cloud.google.com/run/docs/configuring/task-timeout): fewer starts in a long backfill. Maintenance ends GPU
    tasks at any time in either case.
  EOT
  type        = number
  default     = 3600

  validation {
    condition     = var.task_timeout_s >= 300 && var.task_timeout_s <= (var.processor == "cpu" ? 86400 : 43200)
    error_message = "task_timeout_s must be 300 to 43200 with a GPU (12 h, a preview above 3600), or 300 to 86400 without."
  }
}

variable "acceleration" {
  description = <<-EOT
    How a GPU runs the models: cuda, or tensorrt, in half precision unless `fp16` is false. TensorRT takes minutes to build
    an engine for each model, so the bucket `engines_bucket` keeps the engines. The image must contain TensorRT's libraries
    (docs/upgrade-a-model.md).
  EOT
  type = object({
    provider       = optional(string, "cuda")
    fp16           = optional(bool, true)
    engines_bucket = optional(string)
  })
  default = {}

  validation {
    condition     = contains(["cuda", "tensorrt"], var.acceleration.provider)
    error_message = "acceleration.provider must be cuda or tensorrt."
  }
  validation {
    condition     = var.acceleration.provider == "cuda" || var.processor != "cpu"
    error_message = "acceleration.provider = \"tensorrt\" needs processor = \"gpu\" or \"auto\"."
  }
  validation {
    condition     = var.acceleration.provider == "cuda" || var.acceleration.engines_bucket != null
    error_message = "acceleration.provider = \"tensorrt\" needs acceleration.engines_bucket, the name of the bucket that keeps the engines."
  }
}

variable "models" {
  description = <<-EOT
    The operator's own models, which replace or complement the catalogue's: absolute paths in the image. `face_pack`: folder
    of an InsightFace pack. `bib_detector`: ONNX file. `paddle_models`: folder of the models for `text_engine` = paddleocr.
    `label_search`: photos can be searched for what they show, by the catalogue's models. `picture_pair`: folder of a pair of
    models for pictures and texts, which takes their place.
  EOT
  type = object({
    face_pack            = optional(string)
    accept_noncommercial = optional(bool, false)
    bib_detector         = optional(string)
    text_engine          = optional(string, "onnx")
    paddle_models        = optional(string)
    label_search         = optional(bool, false)
    picture_pair         = optional(string)
  })
  default = {}

  validation {
    condition     = alltrue([for path in [var.models.face_pack, var.models.bib_detector, var.models.paddle_models, var.models.picture_pair] : path == null || startswith(coalesce(path, "-"), "/")])
    error_message = "models.face_pack, models.bib_detector, models.paddle_models and models.picture_pair must be absolute paths in the image."
  }
  validation {
    condition     = var.models.face_pack == null || var.models.accept_noncommercial
    error_message = "InsightFace packs are licensed for non-commercial research only: set models.accept_noncommercial = true if that is your use, or omit models.face_pack."
  }
  validation {
    condition     = contains(["onnx", "paddleocr"], var.models.text_engine)
    error_message = "models.text_engine must be onnx (the catalogue's models) or paddleocr."
  }
  validation {
    condition     = (var.models.text_engine == "paddleocr") == (var.models.paddle_models != null)
    error_message = "Set models.paddle_models if, and only if, models.text_engine = \"paddleocr\"."
  }
}

variable "work" {
  description = <<-EOT
    The queue: of each lane the full name of its topic and the name of the subscription that tasks pull from (class Lane in
    shared/photofinish/domain/lanes.py), and the full name of the dead-letter topic. `exactly_once` avoids duplicate work: no photo that a task holds is delivered to another task. Results do not
    depend on it, because every write is idempotent.
  EOT
  type = object({
    lanes                 = map(object({ topic = string, subscription = string }))
    dead_letter_topic     = string
    ack_deadline_s        = optional(number, 60)
    max_delivery_attempts = optional(number, 20)
    retention_s           = optional(number, 1209600)
    minimum_backoff_s     = optional(number, 10)
    maximum_backoff_s     = optional(number, 600)
    exactly_once          = optional(bool, true)
  })

  validation {
    condition     = toset(keys(var.work.lanes)) == toset(["prompt", "bulk"])
    error_message = "work.lanes must have the lanes prompt and bulk."
  }
  validation {
    condition     = var.work.ack_deadline_s >= 10 && var.work.ack_deadline_s <= 600
    error_message = "work.ack_deadline_s must be 10 to 600."
  }
  validation {
    condition     = var.work.max_delivery_attempts >= 20 && var.work.max_delivery_attempts <= 100
    error_message = "work.max_delivery_attempts must be 20 to 100: with fewer, an outage of minutes gives photos up that nothing is wrong with."
  }
  validation {
    condition     = var.work.retention_s >= 86400 && var.work.retention_s <= 2678400
    error_message = "work.retention_s must be 86400 (a day) to 2678400 (31 days): queued photos must survive an outage over a weekend."
  }
}

variable "publishes_to" {
  description = "Full names of the topics that tasks publish to, keyed by a name of your choice."
  type        = map(string)
  default     = {}
}

variable "pubsub_service_agent" {
  description = "IAM member of the project's Pub/Sub service agent, which forwards dead letters."
  type        = string
}

variable "launchers" {
  description = "IAM members that may start the job with overrides, keyed by a name of your choice; only launch_workers needs this."
  type        = map(string)

  validation {
    condition     = length(var.launchers) > 0
    error_message = "launchers must name at least one IAM member: otherwise nothing can start the job."
  }
}

variable "project_roles" {
  description = "Project roles that tasks need, such as roles/datastore.user: Firestore has no narrower grant."
  type        = set(string)
  default     = ["roles/datastore.user"]

  validation {
    condition     = length(setintersection(var.project_roles, ["roles/owner", "roles/editor", "roles/viewer"])) == 0
    error_message = "Basic roles (owner, editor, viewer) grant far more than a task needs."
  }
}

variable "service_account" {
  description = "Service account that tasks run as; it owns the vector database's tables."
  type = object({
    name   = string
    email  = string
    member = string
  })
}

variable "database" {
  description = "Connection to the vector database through the Cloud SQL Auth Proxy in a sidecar container."
  type = object({
    proxy = object({
      image  = string
      args   = list(string)
      cpu    = string
      memory = string
    })
    network    = string
    subnetwork = string
  })
}

variable "deployers" {
  description = "IAM members that may deploy another image to the job, each with the role that permits it, keyed by a name of your choice."
  type        = map(object({ member = string, role = string }))
  default     = {}
}

variable "kms_key" {
  description = "Cloud KMS key that encrypts the deployed image; null for a key managed by Google."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Whether `terraform destroy` is refused."
  type        = bool
  default     = true
}
