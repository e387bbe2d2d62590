variable "analysis" {
  description = <<-EOT
    How photos are analysed. `processor`: gpu; cpu (many times slower, needs no GPU quota); or auto: on GPUs, and on CPU while
    Cloud Run refuses GPUs for quota (docs/runbook.md, "The GPU quota is missing"). `max_tasks`: most tasks at once (a
    new project has a quota of 3 L4s, but memory for one task; see run_quota). `photos_per_task`: backlog that justifies one more task. `batch_size`: photos
    analysed together. `idle_exit_s`: idle time after which a task ends. `upload_to_result_p95_s`: alert when 5 % of photos
    take longer than this from upload to result. `accelerator`: nvidia-l4, or nvidia-rtx-pro-6000, which needs `cpu` = 20
    and `memory_gib` = 80 at least, and an image built with `_CUDA=13`: see modules/gpu-job.
  EOT
  type = object({
    processor              = optional(string, "gpu")
    cpu                    = optional(number, 4)
    memory_gib             = optional(number, 16)
    max_tasks              = optional(number, 1)
    photos_per_task        = optional(number, 200)
    batch_size             = optional(number, 8)
    idle_exit_s            = optional(number, 30)
    task_timeout_s         = optional(number, 3600)
    upload_to_result_p95_s = optional(number, 900)
    accelerator            = optional(string, "nvidia-l4")
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
    condition     = contains(["gpu", "cpu", "auto"], var.analysis.processor)
    error_message = "analysis.processor must be gpu, cpu or auto."
  }
  validation {
    condition     = var.analysis.processor == "cpu" || var.analysis.accelerator != "nvidia-l4" || contains(["asia-south1", "asia-southeast1", "europe-west1", "europe-west4", "us-central1", "us-east4"], var.region)
    error_message = "Cloud Run has no L4 in this region: choose asia-south1, asia-southeast1, europe-west1, europe-west4, us-central1 or us-east4, or set analysis.processor = \"cpu\"."
  }
}

variable "models" {
  description = <<-EOT
    Your own models, by their names in the folder that the build copies into the images. Deploy images that contain them
    first (docs/upgrade-a-model.md). `face_pack`: an InsightFace pack, for the job and every function that compares faces;
    its licence forbids commercial use, so it needs `accept_noncommercial`. `bib_detector`: an ONNX file. `text_engine`:
    onnx, or paddleocr with `paddle_models`. `provider`: runs the models on a GPU, cuda or tensorrt; `fp16`: half precision
    for TensorRT. `label_search`: new photos can be searched for what they show (docs/label-search.md), by the catalogue's
    models; it costs tasks a few percent of their time. `picture_pair`: a folder with models for pictures and texts, such as
    CLIP, which take their place.
  EOT
  type = object({
    face_pack            = optional(string)
    accept_noncommercial = optional(bool, false)
    bib_detector         = optional(string)
    text_engine          = optional(string, "onnx")
    paddle_models        = optional(string)
    provider             = optional(string, "cuda")
    fp16                 = optional(bool, true)
    label_search         = optional(bool, false)
    picture_pair         = optional(string)
  })
  default = {}

  validation {
    condition     = var.models.face_pack == null || can(regex("^[A-Za-z0-9][A-Za-z0-9_.-]*$", var.models.face_pack))
    error_message = "models.face_pack must be the name of a pack's folder, such as buffalo_l, without a path."
  }
  validation {
    condition     = var.models.face_pack == null || var.models.accept_noncommercial
    error_message = "InsightFace packs are licensed for non-commercial research only: set models.accept_noncommercial = true if that is your use, or omit models.face_pack."
  }
  validation {
    condition     = var.models.bib_detector == null || can(regex("^[A-Za-z0-9][A-Za-z0-9_.-]*\\.onnx$", var.models.bib_detector))
    error_message = "models.bib_detector must be the name of an ONNX file, such as bibs.onnx, without a path."
  }
  validation {
    condition     = var.models.picture_pair == null || can(regex("^[A-Za-z0-9][A-Za-z0-9_.-]*$", var.models.picture_pair))
    error_message = "models.picture_pair must be the name of a pair's folder, such as siglip, without a path."
  }
  validation {
    condition     = contains(["onnx", "paddleocr"], var.models.text_engine)
    error_message = "models.text_engine must be onnx (the catalogue's models) or paddleocr."
  }
  validation {
    condition     = (var.models.text_engine == "paddleocr") == (var.models.paddle_models != null)
    error_message = "Set models.paddle_models if, and only if, models.text_engine = \"paddleocr\"."
  }
  validation {
    condition     = var.models.paddle_models == null || can(regex("^[A-Za-z0-9][A-Za-z0-9_.-]*$", var.models.paddle_models))
    error_message = "models.paddle_models must be the name of a folder that contains the models det and rec, without a path."
  }
  validation {
    condition     = contains(["cuda", "tensorrt"], var.models.provider)
    error_message = "models.provider must be cuda or tensorrt."
  }
  validation {
    condition     = var.models.provider == "cuda" || var.analysis.processor != "cpu"
    error_message = "models.provider = \"tensorrt\" needs analysis.processor = \"gpu\" or \"auto\"."
  }
}
