variable "project_id" {
  description = "Project of the job."
  type        = string
}

variable "region" {
  description = "Region of the job."
  type        = string
}

variable "name" {
  description = "Name of the job."
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
  description = "What the models run on: gpu (one NVIDIA L4 per task) or cpu (many times slower, needs no GPU quota)."
  type        = string
  default     = "gpu"

  validation {
    condition     = contains(["gpu", "cpu"], var.processor)
    error_message = "processor must be gpu or cpu."
  }
  validation {
    condition     = var.processor == "cpu" || contains(["asia-south1", "asia-southeast1", "europe-west1", "europe-west4", "us-central1", "us-east4"], var.region)
    error_message = "Cloud Run has no L4 in this region: choose asia-south1, asia-southeast1, europe-west1, europe-west4, us-central1 or us-east4, or set processor = \"cpu\"."
  }
}

variable "size" {
  description = "CPU and memory per task, and how often a failed task is restarted. An L4 requires at least 4 CPU and 16 GiB."
  type = object({
    cpu         = optional(number, 4)
    memory_gib  = optional(number, 16)
    max_retries = optional(number, 3)
  })
  default = {}

  validation {
    condition     = contains([4, 8], var.size.cpu)
    error_message = "size.cpu must be 4 or 8."
  }
  validation {
    condition     = var.size.memory_gib >= 16 && var.size.memory_gib <= 32
    error_message = "size.memory_gib must be 16 to 32."
  }
  validation {
    condition     = var.size.max_retries >= 0 && var.size.max_retries <= 10
    error_message = "size.max_retries must be 0 to 10."
  }
}

variable "task_timeout_s" {
  description = "Task timeout; at most 3600 s for GPU tasks. A task stops pulling photos well before it."
  type        = number
  default     = 3600

  validation {
    condition     = var.task_timeout_s >= 300 && var.task_timeout_s <= (var.processor == "gpu" ? 3600 : 86400)
    error_message = "task_timeout_s must be 300 to 3600 with a GPU, or 300 to 86400 without."
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
    condition     = var.acceleration.provider == "cuda" || var.processor == "gpu"
    error_message = "acceleration.provider = \"tensorrt\" needs processor = \"gpu\"."
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
  EOT
  type = object({
    face_pack            = optional(string)
    accept_noncommercial = optional(bool, false)
    bib_detector         = optional(string)
    text_engine          = optional(string, "onnx")
    paddle_models        = optional(string)
  })
  default = {}

  validation {
    condition     = alltrue([for path in [var.models.face_pack, var.models.bib_detector, var.models.paddle_models] : path == null || startswith(coalesce(path, "-"), "/")])
    error_message = "models.face_pack, models.bib_detector and models.paddle_models must be absolute paths in the image."
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

variable "cuda_forward_compatibility" {
  description = "Whether CUDA 13's forward-compatibility libraries in the image are used. Needed with drivers older than 580; Cloud Run documents 535 for L4. Set it to false when the driver is 580 or newer."
  type        = bool
  default     = true
}

variable "work" {
  description = <<-EOT
    The queue: full name of the work topic, name of the subscription that tasks pull from, full name of the dead-letter
    topic. `exactly_once` avoids duplicate work: no photo that a task holds is delivered to another task. Results do not
    depend on it, because every write is idempotent.
  EOT
  type = object({
    topic                 = string
    subscription          = optional(string, "photo-work-tasks")
    dead_letter_topic     = string
    ack_deadline_s        = optional(number, 60)
    max_delivery_attempts = optional(number, 5)
    retention_s           = optional(number, 1209600)
    minimum_backoff_s     = optional(number, 10)
    maximum_backoff_s     = optional(number, 600)
    exactly_once          = optional(bool, true)
  })

  validation {
    condition     = var.work.ack_deadline_s >= 10 && var.work.ack_deadline_s <= 600
    error_message = "work.ack_deadline_s must be 10 to 600."
  }
  validation {
    condition     = var.work.max_delivery_attempts >= 5 && var.work.max_delivery_attempts <= 100
    error_message = "work.max_delivery_attempts must be 5 to 100."
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
    connection_name = string
    proxy_image     = string
    network         = string
    subnetwork      = string
  })
}

variable "deployers" {
  description = "IAM members that may deploy another image to the job, keyed by a name of your choice."
  type        = map(string)
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
