variable "project_id" {
  description = "Project that holds this environment and nothing else."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be a project's id (6 to 30 lower-case letters, digits and dashes), not its name or number."
  }
}

variable "region" {
  description = "Region of everything. For a GPU one that Cloud Run has L4s in: asia-south1, asia-southeast1, europe-west1, europe-west4, us-central1 or us-east4."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]$", var.region))
    error_message = "region must be a region such as europe-west1, not a zone or a multi-region."
  }
}

variable "environment" {
  description = "Name of the environment, for labels: dev, prod, or another."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}$", var.environment))
    error_message = "environment must have 2 to 16 lower-case letters, digits and dashes."
  }
}

variable "labels" {
  description = "Further labels of everything."
  type        = map(string)
  default     = {}
}

variable "alert_emails" {
  description = "Who is told when something is wrong, by a name of their own."
  type        = map(string)
}

# --- names, as the code and the local cloud have them ---

variable "buckets" {
  description = "Names of the buckets of photos, of what is derived from them, of pictures to enrol people by, and of TensorRT's engines where it is used; by default PROJECT-photos, PROJECT-derived, PROJECT-enrolments and PROJECT-engines."
  type = object({
    photos     = optional(string)
    derived    = optional(string)
    enrolments = optional(string)
    engines    = optional(string)
  })
  default = {}
}

variable "topics" {
  description = "Names of the topics."
  type = object({
    uploads      = optional(string, "photo-uploads")
    work         = optional(string, "photo-work")
    results      = optional(string, "photo-results")
    dead         = optional(string, "photo-dead")
    sweep        = optional(string, "photo-sweep")
    reconcile    = optional(string, "photo-reconcile")
    retention    = optional(string, "photo-retention")
    enrolments   = optional(string, "photo-enrolments")
    people_sweep = optional(string, "people-sweep")
  })
  default = {}

  validation {
    condition     = length(distinct(values(var.topics))) == length(values(var.topics))
    error_message = "Every topic needs a name of its own."
  }
}

variable "job_name" {
  description = "Name of the analysis job."
  type        = string
  default     = "analyze"
}

# --- images: only the first apply uses these, afterwards the deploy decides which image runs ---

variable "first_images" {
  description = "What runs until the first deploy: public images that start and do nothing."
  type = object({
    functions = optional(string, "us-docker.pkg.dev/cloudrun/container/hello")
    job       = optional(string, "us-docker.pkg.dev/cloudrun/container/job")
  })
  default = {}
}

variable "database_proxy_image" {
  description = "Cloud SQL Auth Proxy, by digest."
  type        = string
  default     = "gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.22.0@sha256:fa4c7308245407157c5e9c4e16f1c0f1113899d6f29dc8f8be3e30efae86467f"

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.database_proxy_image))
    error_message = "database_proxy_image must end with a digest (@sha256:…)."
  }
}

# --- analysis ---

variable "analysis" {
  description = <<-EOT
    How photos are analysed: on `gpu` or `cpu` (the degraded mode), on at most `max_tasks` at once (a new project has a
    quota of 3 L4s), one more task for every `photos_per_task` that wait, `batch_size` photos at a time, and a task that
    was idle for `idle_exit_s` ends. When one photo in twenty has its result later than `upload_to_result_p95_s` after its
    upload, that is an alert.
  EOT
  type = object({
    processor                  = optional(string, "gpu")
    cpu                        = optional(number, 4)
    memory_gib                 = optional(number, 16)
    max_tasks                  = optional(number, 3)
    photos_per_task            = optional(number, 200)
    batch_size                 = optional(number, 8)
    idle_exit_s                = optional(number, 30)
    task_timeout_s             = optional(number, 3600)
    upload_to_result_p95_s     = optional(number, 900)
    cuda_forward_compatibility = optional(bool, true)
  })
  default = {}

  validation {
    condition     = var.analysis.max_tasks >= 1 && var.analysis.photos_per_task >= 1
    error_message = "analysis.max_tasks and analysis.photos_per_task must be at least 1."
  }
  validation {
    condition     = var.analysis.batch_size >= 1 && var.analysis.batch_size <= 256
    error_message = "analysis.batch_size must be 1 to 256."
  }
  validation {
    condition     = var.analysis.processor == "cpu" || contains(["asia-south1", "asia-southeast1", "europe-west1", "europe-west4", "us-central1", "us-east4"], var.region)
    error_message = "Cloud Run has no L4 in this region: choose asia-south1, asia-southeast1, europe-west1, europe-west4, us-central1 or us-east4, or analysis.processor = \"cpu\"."
  }
}

variable "models" {
  description = <<-EOT
    Models of your own, by the names that they have in the folder that a build takes them from (docs/upgrade-a-model.md; ship
    an image that has them first): `face_pack` is an InsightFace pack, whose licence allows no commercial use
    (`accept_noncommercial`), for the job and all functions that compare faces; `bib_detector` an ONNX file; `paddle_models`
    what `text_engine` = paddleocr reads with. On a GPU models run by `provider` cuda, or tensorrt with `fp16` or without.
  EOT
  type = object({
    face_pack            = optional(string)
    accept_noncommercial = optional(bool, false)
    bib_detector         = optional(string)
    text_engine          = optional(string, "onnx")
    paddle_models        = optional(string)
    provider             = optional(string, "cuda")
    fp16                 = optional(bool, true)
  })
  default = {}

  validation {
    condition     = var.models.face_pack == null || can(regex("^[A-Za-z0-9][A-Za-z0-9_.-]*$", var.models.face_pack))
    error_message = "models.face_pack is the name of a pack's folder, such as buffalo_l, without a path."
  }
  validation {
    condition     = var.models.face_pack == null || var.models.accept_noncommercial
    error_message = "InsightFace's packs may be used for non-commercial research only: say models.accept_noncommercial = true if that is your use, or leave models.face_pack out."
  }
  validation {
    condition     = var.models.bib_detector == null || can(regex("^[A-Za-z0-9][A-Za-z0-9_.-]*\\.onnx$", var.models.bib_detector))
    error_message = "models.bib_detector is the name of an ONNX file, such as bibs.onnx, without a path."
  }
  validation {
    condition     = contains(["onnx", "paddleocr"], var.models.text_engine)
    error_message = "models.text_engine must be onnx (the catalogue's models) or paddleocr."
  }
  validation {
    condition     = (var.models.text_engine == "paddleocr") == (var.models.paddle_models != null)
    error_message = "models.paddle_models belongs to models.text_engine = \"paddleocr\", and only to it."
  }
  validation {
    condition     = var.models.paddle_models == null || can(regex("^[A-Za-z0-9][A-Za-z0-9_.-]*$", var.models.paddle_models))
    error_message = "models.paddle_models is the name of a folder with the models det and rec, without a path."
  }
  validation {
    condition     = contains(["cuda", "tensorrt"], var.models.provider)
    error_message = "models.provider must be cuda or tensorrt."
  }
  validation {
    condition     = var.models.provider == "cuda" || var.analysis.processor == "gpu"
    error_message = "models.provider = \"tensorrt\" needs analysis.processor = \"gpu\"."
  }
}

# --- search ---

variable "search" {
  description = <<-EOT
    Who reaches the API: `exposure` is private (members of `invokers`), load_balancer (anybody, through `domain`, and AWS
    SDKs through `rekognition_domain`, with rate limits) or direct (anybody, without). API keys are asked for in every
    case; with a `firebase_project` its signed-in users may come too. Pages of `cors_origins` may call it from browsers.
    `link_key_secret` (projects/…/secrets/…) holds ACCESS_ID:SECRET of an HMAC key of the API's account, which then signs
    links to previews by itself instead of asking Google for each; see docs/deploy.md.
  EOT
  type = object({
    exposure           = optional(string, "private")
    domain             = optional(string)
    rekognition_domain = optional(string)
    cors_origins       = optional(list(string), [])
    firebase_project   = optional(string)
    link_key_secret    = optional(string)
    invokers           = optional(map(string), {})
    min_instances      = optional(number, 0)
    max_instances      = optional(number, 10)
    requests_per_min   = optional(number, 600)
    latency_p95_ms     = optional(number, 500)
    availability_share = optional(number, 0.999)
  })
  default = {}

  validation {
    condition     = contains(["private", "load_balancer", "direct"], var.search.exposure)
    error_message = "search.exposure must be private, load_balancer or direct."
  }
  validation {
    condition     = (var.search.exposure == "load_balancer") == (var.search.domain != null)
    error_message = "search.domain belongs to exposure = \"load_balancer\", and only to it."
  }
  validation {
    condition     = var.search.rekognition_domain == null || (var.search.exposure == "load_balancer" && var.search.rekognition_domain != var.search.domain)
    error_message = "search.rekognition_domain is another host beside search.domain, behind the load balancer."
  }
  validation {
    condition     = var.search.link_key_secret == null || can(regex("^projects/[^/]+/secrets/[^/]+$", var.search.link_key_secret))
    error_message = "search.link_key_secret is a secret's full name: projects/PROJECT/secrets/NAME."
  }
  validation {
    condition     = alltrue([for origin in var.search.cors_origins : can(regex("^https://[^/*]+$", origin))])
    error_message = "search.cors_origins are origins such as https://photos.example.com, without a path or a star."
  }
}

# --- data ---

variable "database" {
  description = "The vector database; see modules/vector-database for each."
  type = object({
    version                  = optional(string, "POSTGRES_18")
    tier                     = optional(string, "db-custom-2-8192")
    disk_gib                 = optional(number, 20)
    high_availability        = optional(bool, false)
    maintenance_work_mem_mib = optional(number, 1024)
    max_connections          = optional(number, 200)
  })
  default = {}
}

variable "backup_keep_days" {
  description = "How long daily backups of both databases stay."
  type        = number
  default     = 14
}

variable "retention" {
  description = "Days after which photos and what is derived from them go; left out or 0 for never. See modules/photo-bucket."
  type = object({
    originals_days    = optional(number, 0)
    derived_days      = optional(number, 0)
    noncurrent_days   = optional(number, 30)
    soft_deleted_days = optional(number, 7)
    audit_days        = optional(number, 400)
  })
  default = {}
}

variable "upload_origins" {
  description = "Web origins whose pages upload with signed URLs."
  type        = list(string)
  default     = []
}

variable "uploaders" {
  description = "IAM members, by a name of their own, that may drop photos."
  type        = map(string)
  default     = {}
}

variable "kms_key" {
  description = "Cloud KMS key (same region) that encrypts all data; null for Google's own keys."
  type        = string
  default     = null
}

# --- running it ---

variable "schedules" {
  description = <<-EOT
    Cron expressions (UTC) of the sweep, which starts analysis that nothing else started; of `reconcile`, which finds
    photos of the last 24 hours that no event told of, and `reconcile_all`, which looks at all photos; of `people_sweep`,
    which clusters albums and looks at enrolment pictures that nothing else told of, and `people_sweep_all`, which clusters
    every album again; and of `retention`, which deletes what is kept for a time only.
  EOT
  type = object({
    sweep            = optional(string, "* * * * *")
    reconcile        = optional(string, "*/10 * * * *")
    reconcile_all    = optional(string, "17 3 * * *")
    people_sweep     = optional(string, "* * * * *")
    people_sweep_all = optional(string, "47 3 * * *")
    retention        = optional(string, "7 4 * * *")
  })
  default = {}
}

variable "budget" {
  description = "Monthly budget and the share at which analysis stops (0: never); null for none. See modules/operations."
  type = object({
    billing_account = string
    amount          = number
    stop_at         = optional(number, 1)
  })
  default = null
}

variable "state_bucket" {
  description = "Bucket of Terraform's state, so that a deploy can compare; null when it is elsewhere."
  type        = string
  default     = null
}

variable "deploy_from_github" {
  description = "Repository and ref whose workflows may deploy, without a key; null for none. See modules/foundation."
  type = object({
    repository = string
    ref        = optional(string, "refs/heads/main")
  })
  default = null
}

variable "deletion_protection" {
  description = "Whether deleting services, databases and buckets with photos is refused. False only where everything may go."
  type        = bool
  default     = true
}
