# The job, its GPU and its queue, and who may start it.

mock_provider "google" {}

variables {
  project_id = "my-project"
  region     = "europe-west1"
  image      = "example/gpu-jobs"
  env        = { GOOGLE_CLOUD_PROJECT = "my-project" }
  work = {
    lanes = {
      prompt = { topic = "projects/my-project/topics/photo-work", subscription = "photo-work-tasks" }
      bulk   = { topic = "projects/my-project/topics/photo-work-bulk", subscription = "photo-work-bulk-tasks" }
    }
    dead_letter_topic = "projects/my-project/topics/photo-dead"
  }
  pubsub_service_agent = "serviceAccount:pubsub-agent"
  launchers            = { launch_workers = "serviceAccount:fn-launch-workers" }
  publishes_to         = { results = "projects/my-project/topics/photo-results" }
  service_account      = { name = "projects/my-project/serviceAccounts/job", email = "job@my-project.iam.gserviceaccount.com", member = "serviceAccount:job" }
  database             = { proxy = { image = "example/proxy", args = ["--port=5432", "my-project:europe-west1:photofinish"], cpu = "250m", memory = "256Mi" }, network = "net", subnetwork = "sub" }
}

run "gpu_is_the_default" {
  module {
    source = "./modules/gpu-job"
  }

  assert {
    condition     = google_cloud_run_v2_job.analyze["main"].template[0].template[0].node_selector[0].accelerator == "nvidia-l4" && google_cloud_run_v2_job.analyze["main"].template[0].template[0].gpu_zonal_redundancy_disabled
    error_message = "A task has an L4, without the more expensive zonal redundancy."
  }
  assert {
    condition     = google_cloud_run_v2_job.analyze["main"].template[0].template[0].containers[0].resources[0].limits == tomap({ cpu = "4", memory = "16Gi", "nvidia.com/gpu" = "1" })
    error_message = "An L4 comes with 4 CPU and 16 GiB."
  }
  assert {
    condition     = one([for env in google_cloud_run_v2_job.analyze["main"].template[0].template[0].containers[0].env : env.value if env.name == "PHOTOFINISH_ONNX_PROVIDERS"]) == "CUDAExecutionProvider,CPUExecutionProvider"
    error_message = "Models run on CUDA."
  }
  assert {
    condition     = length([for env in google_cloud_run_v2_job.analyze["main"].template[0].template[0].containers[0].env : env if env.name == "LD_LIBRARY_PATH"]) == 0
    error_message = "The image knows where Cloud Run mounts the driver's libraries."
  }
  assert {
    condition     = google_cloud_run_v2_job.analyze["main"].template[0].template[0].timeout == "3600s" && google_cloud_run_v2_job.analyze["main"].template[0].parallelism == 0
    error_message = "A GPU task may run for an hour, and all tasks run in parallel."
  }
}

run "the_queue" {
  module {
    source = "./modules/gpu-job"
  }

  assert {
    condition     = { for lane, each in google_pubsub_subscription.work : lane => "${each.topic} ${each.name}" } == { prompt = "projects/my-project/topics/photo-work photo-work-tasks", bulk = "projects/my-project/topics/photo-work-bulk photo-work-bulk-tasks" } && alltrue([for each in google_pubsub_subscription.work : length(each.push_config) == 0 && each.ack_deadline_seconds == 60])
    error_message = "Tasks pull, and have 60 s to acknowledge or extend."
  }
  assert {
    condition     = alltrue([for each in google_pubsub_subscription.work : each.dead_letter_policy[0].dead_letter_topic == "projects/my-project/topics/photo-dead" && each.dead_letter_policy[0].max_delivery_attempts == 20 && each.retry_policy[0].minimum_backoff == "10s" && each.retry_policy[0].maximum_backoff == "600s"])
    error_message = "After twenty deliveries, 10 to 600 s apart, a message moves to the dead-letter topic."
  }
  assert {
    condition     = google_pubsub_topic_iam_member.forwards_dead_letters.member == "serviceAccount:pubsub-agent" && { for lane, each in google_pubsub_subscription_iam_member.takes_dead_letters : lane => each.member } == { prompt = "serviceAccount:pubsub-agent", bulk = "serviceAccount:pubsub-agent" }
    error_message = "Pub/Sub must be allowed to forward dead letters."
  }
  assert {
    condition     = alltrue([for each in google_pubsub_subscription.work : each.message_retention_duration == "1209600s" && each.expiration_policy[0].ttl == ""])
    error_message = "Photos stay in the queue for up to two weeks."
  }
  assert {
    condition     = alltrue([for each in google_pubsub_subscription.work : each.enable_exactly_once_delivery])
    error_message = "A photo that one task holds is not delivered to another."
  }
}

run "who_may_do_what" {
  module {
    source = "./modules/gpu-job"
  }

  assert {
    condition     = [for binding in google_cloud_run_v2_job_iam_member.launches : [binding.member, binding.role]] == [["serviceAccount:fn-launch-workers", "roles/run.jobsExecutorWithOverrides"]]
    error_message = "Only launch_workers may start the job."
  }
  assert {
    condition     = length(google_cloud_run_v2_job_iam_member.watches) == 0
    error_message = "With one job, the launcher reads nothing of it."
  }
  assert {
    condition     = { for lane, each in google_pubsub_subscription_iam_member.pulls : lane => "${each.member} ${each.role} ${each.subscription}" } == { prompt = "serviceAccount:job roles/pubsub.subscriber photo-work-tasks", bulk = "serviceAccount:job roles/pubsub.subscriber photo-work-bulk-tasks" }
    error_message = "Tasks may pull from their own subscription."
  }
  assert {
    condition     = google_pubsub_topic_iam_member.publishes["results"].member == "serviceAccount:job" && keys(google_project_iam_member.role) == ["roles/datastore.user"]
    error_message = "Tasks may only publish results and write documents."
  }
  assert {
    condition     = length(google_cloud_run_v2_job_iam_member.deploys) == 0
    error_message = "By default no member may deploy."
  }
}

run "cpu_is_one_variable_away" {
  module {
    source = "./modules/gpu-job"
  }
  variables {
    processor      = "cpu"
    region         = "europe-north1"
    task_timeout_s = 7200
  }

  assert {
    condition     = length(google_cloud_run_v2_job.analyze["main"].template[0].template[0].node_selector) == 0 && google_cloud_run_v2_job.analyze["main"].template[0].template[0].containers[0].resources[0].limits == tomap({ cpu = "4", memory = "16Gi" })
    error_message = "On CPU there is no GPU."
  }
  assert {
    condition     = { for env in google_cloud_run_v2_job.analyze["main"].template[0].template[0].containers[0].env : env.name => env.value if contains(["PHOTOFINISH_ONNX_PROVIDERS", "PHOTOFINISH_TASK_TIMEOUT_S", "LD_LIBRARY_PATH"], env.name) } == { PHOTOFINISH_ONNX_PROVIDERS = "CPUExecutionProvider", PHOTOFINISH_TASK_TIMEOUT_S = "7200" }
    error_message = "Models run on the CPU, and the task knows its timeout."
  }
}

run "auto_has_a_job_of_each" {
  module {
    source = "./modules/gpu-job"
  }
  variables {
    processor    = "auto"
    acceleration = { provider = "tensorrt", engines_bucket = "my-project-engines" }
    deployers    = { deployer = { member = "serviceAccount:deployer", role = "projects/my-project/roles/deploys" } }
  }

  assert {
    condition     = output.names == { main = "analyze", fallback = "analyze-cpu" }
    error_message = "The launcher knows both by these names."
  }
  assert {
    condition = { for key, job in google_cloud_run_v2_job.analyze : key => job.template[0].template[0].containers[0].resources[0].limits } == {
      main     = tomap({ cpu = "4", memory = "16Gi", "nvidia.com/gpu" = "1" })
      fallback = tomap({ cpu = "4", memory = "16Gi" })
    }
    error_message = "Tasks of both have the same size, so max_tasks of any kind need the same quota of CPU and memory."
  }
  assert {
    condition     = google_cloud_run_v2_job.analyze["fallback"].template[0].template[0].timeout == "900s" && google_cloud_run_v2_job.analyze["main"].template[0].template[0].timeout == "3600s"
    error_message = "Tasks without GPU make room for tasks with GPU after 15 minutes."
  }
  assert {
    condition = { for env in google_cloud_run_v2_job.analyze["fallback"].template[0].template[0].containers[0].env : env.name => env.value if contains(["PHOTOFINISH_ONNX_PROVIDERS", "PHOTOFINISH_TASK_TIMEOUT_S", "LD_LIBRARY_PATH", "PHOTOFINISH_TENSORRT_CACHE_DIR"], env.name) } == {
      PHOTOFINISH_ONNX_PROVIDERS = "CPUExecutionProvider"
      PHOTOFINISH_TASK_TIMEOUT_S = "900"
    }
    error_message = "The models of the fallback run on the CPU."
  }
  assert {
    condition     = length(google_cloud_run_v2_job.analyze["fallback"].template[0].template[0].volumes) == 0 && length(google_cloud_run_v2_job.analyze["main"].template[0].template[0].volumes) == 1
    error_message = "Only GPU tasks have TensorRT's engines."
  }
  assert {
    condition     = alltrue([for job in google_cloud_run_v2_job.analyze : job.template[0].template[0].containers[0].command == tolist(["python", "-I", "-u", "-B", "-m", "photofinish_jobs"]) && job.template[0].template[0].containers[0].args == null && job.template[0].template[0].vpc_access[0].egress == "ALL_TRAFFIC"])
    error_message = "A caller that starts a task chooses neither its program nor where it sends data."
  }
  assert {
    condition     = alltrue([for grant in google_cloud_run_v2_job_iam_member.deploys : grant.role == "projects/my-project/roles/deploys"])
    error_message = "The deployer gets the role that it was given."
  }
  assert {
    condition     = keys(google_cloud_run_v2_job_iam_member.launches) == ["fallback by launch_workers", "main by launch_workers"] && keys(google_cloud_run_v2_job_iam_member.deploys) == ["fallback by deployer", "main by deployer"]
    error_message = "Both are launched and deployed."
  }
  assert {
    condition     = google_cloud_run_v2_job_iam_member.watches["launch_workers"].role == "roles/run.viewer"
    error_message = "The launcher reads whether executions got their GPUs."
  }
}

run "options" {
  module {
    source = "./modules/gpu-job"
  }
  variables {
    accelerator = "nvidia-rtx-pro-6000"
    size        = { cpu = 20, memory_gib = 80 }
    work        = { lanes = { prompt = { topic = "t", subscription = "other" }, bulk = { topic = "b", subscription = "more" } }, dead_letter_topic = "d", exactly_once = false }
    deployers   = { deployer = { member = "serviceAccount:deployer", role = "projects/my-project/roles/deploys" } }
    kms_key     = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
  }

  assert {
    condition     = google_cloud_run_v2_job.analyze["main"].template[0].template[0].node_selector[0].accelerator == "nvidia-rtx-pro-6000" && google_cloud_run_v2_job.analyze["main"].template[0].template[0].containers[0].resources[0].limits == tomap({ cpu = "20", memory = "80Gi", "nvidia.com/gpu" = "1" })
    error_message = "Another accelerator has its own size."
  }
  assert {
    condition     = !google_pubsub_subscription.work["bulk"].enable_exactly_once_delivery && output.work_subscriptions == { prompt = "other", bulk = "more" }
    error_message = "The queue options are applied."
  }
  assert {
    condition     = google_cloud_run_v2_job_iam_member.deploys["main by deployer"].role == "projects/my-project/roles/deploys" && google_cloud_run_v2_job.analyze["main"].template[0].template[0].encryption_key == "projects/p/locations/l/keyRings/r/cryptoKeys/k"
    error_message = "The deployer may deploy another image; the key encrypts it."
  }
}

run "regions_without_gpu_are_refused" {
  command = plan
  module {
    source = "./modules/gpu-job"
  }
  variables {
    region = "europe-north1"
  }
  expect_failures = [var.processor]
}

run "gpu_tasks_of_twelve_hours_are_a_preview" {
  module {
    source = "./modules/gpu-job"
  }
  variables {
    processor      = "auto"
    task_timeout_s = 43200
  }

  assert {
    condition     = google_cloud_run_v2_job.analyze["main"].template[0].template[0].timeout == "43200s" && google_cloud_run_v2_job.analyze["main"].launch_stage == "BETA" && google_cloud_run_v2_job.analyze["fallback"].launch_stage != "BETA"
    error_message = "A timeout above an hour needs the launch stage of a preview, on GPUs only."
  }
}

run "few_attempts_are_refused" {
  command = plan
  module {
    source = "./modules/gpu-job"
  }
  variables {
    work = { lanes = { prompt = { topic = "t", subscription = "s" }, bulk = { topic = "b", subscription = "m" } }, dead_letter_topic = "d", max_delivery_attempts = 5 }
  }
  expect_failures = [var.work]
}

run "gpu_tasks_of_more_than_twelve_hours_are_refused" {
  command = plan
  module {
    source = "./modules/gpu-job"
  }
  variables {
    task_timeout_s = 43201
  }
  expect_failures = [var.task_timeout_s]
}

run "too_little_memory_is_refused" {
  command = plan
  module {
    source = "./modules/gpu-job"
  }
  variables {
    size = { memory_gib = 8 }
  }
  expect_failures = [var.size]
}

run "too_little_cpu_for_an_rtx_pro_6000_is_refused" {
  command = plan
  module {
    source = "./modules/gpu-job"
  }
  variables {
    accelerator = "nvidia-rtx-pro-6000"
    size        = { cpu = 8, memory_gib = 80 }
  }
  expect_failures = [var.size]
}

run "a_job_beside_an_rtx_pro_6000_is_refused" {
  command = plan
  module {
    source = "./modules/gpu-job"
  }
  variables {
    processor   = "auto"
    accelerator = "nvidia-rtx-pro-6000"
    size        = { cpu = 20, memory_gib = 80 }
  }
  expect_failures = [var.processor]
}

run "unknown_accelerators_are_refused" {
  command = plan
  module {
    source = "./modules/gpu-job"
  }
  variables {
    accelerator = "nvidia-t4"
  }
  expect_failures = [var.accelerator]
}

run "more_cpu_than_an_instance_has_with_its_sidecar_is_refused" {
  command = plan
  module {
    source = "./modules/gpu-job"
  }
  variables {
    size = { cpu = 8, memory_gib = 31 }
  }
  expect_failures = [var.size]
}

run "more_memory_than_its_cpu_may_have_is_refused" {
  command = plan
  module {
    source = "./modules/gpu-job"
  }
  variables {
    size = { cpu = 4, memory_gib = 20 }
  }
  expect_failures = [var.size]
}

run "a_job_without_launchers_is_refused" {
  command = plan
  module {
    source = "./modules/gpu-job"
  }
  variables {
    launchers = {}
  }
  expect_failures = [var.launchers]
}

run "a_short_queue_is_refused" {
  command = plan
  module {
    source = "./modules/gpu-job"
  }
  variables {
    work = { lanes = { prompt = { topic = "t", subscription = "s" }, bulk = { topic = "b", subscription = "m" } }, dead_letter_topic = "d", retention_s = 600 }
  }
  expect_failures = [var.work]
}

run "catalogue_models_on_cuda_are_the_default" {
  module {
    source = "./modules/gpu-job"
  }

  assert {
    condition     = length(setintersection([for env in google_cloud_run_v2_job.analyze["main"].template[0].template[0].containers[0].env : env.name], ["PHOTOFINISH_FACE_PACK", "PHOTOFINISH_ACCEPT_NONCOMMERCIAL", "PHOTOFINISH_BIB_DETECTOR", "PHOTOFINISH_TEXT_ENGINE", "PHOTOFINISH_PADDLE_MODELS", "PHOTOFINISH_TENSORRT_CACHE_DIR", "PHOTOFINISH_FP16", "PHOTOFINISH_LABEL_SEARCH", "PHOTOFINISH_PICTURE_PAIR"])) == 0
    error_message = "Without a choice of models no model variable is set."
  }
  assert {
    condition     = length(google_storage_bucket.engines) == 0 && length(google_storage_bucket_iam_member.keeps_engines) == 0 && length(google_cloud_run_v2_job.analyze["main"].template[0].template[0].volumes) == 0 && length(google_cloud_run_v2_job.analyze["main"].template[0].template[0].containers[0].volume_mounts) == 0
    error_message = "Without TensorRT there are no engines to keep."
  }
}

run "own_models" {
  module {
    source = "./modules/gpu-job"
  }
  variables {
    models = {
      face_pack            = "/models/own/buffalo_l"
      accept_noncommercial = true
      bib_detector         = "/models/own/bibs.onnx"
      text_engine          = "paddleocr"
      paddle_models        = "/models/own/paddle"
      label_search         = true
      picture_pair         = "/models/own/siglip"
    }
  }

  assert {
    condition = { for env in google_cloud_run_v2_job.analyze["main"].template[0].template[0].containers[0].env : env.name => env.value if can(regex("PACK|ACCEPT|BIB|TEXT|PADDLE|LABEL|PAIR", env.name)) } == {
      PHOTOFINISH_FACE_PACK            = "/models/own/buffalo_l"
      PHOTOFINISH_ACCEPT_NONCOMMERCIAL = "true"
      PHOTOFINISH_BIB_DETECTOR         = "/models/own/bibs.onnx"
      PHOTOFINISH_TEXT_ENGINE          = "paddleocr"
      PHOTOFINISH_PADDLE_MODELS        = "/models/own/paddle"
      PHOTOFINISH_LABEL_SEARCH         = "true"
      PHOTOFINISH_PICTURE_PAIR         = "/models/own/siglip"
    }
    error_message = "Tasks get the chosen models and the accepted licence."
  }
}

run "tensorrt" {
  module {
    source = "./modules/gpu-job"
  }
  variables {
    acceleration = { provider = "tensorrt", fp16 = false, engines_bucket = "my-project-engines" }
    kms_key      = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
  }

  assert {
    condition = { for env in google_cloud_run_v2_job.analyze["main"].template[0].template[0].containers[0].env : env.name => env.value if can(regex("ONNX|TENSORRT|FP16", env.name)) } == {
      PHOTOFINISH_ONNX_PROVIDERS     = "TensorrtExecutionProvider,CUDAExecutionProvider,CPUExecutionProvider"
      PHOTOFINISH_TENSORRT_CACHE_DIR = "/var/cache/tensorrt"
      PHOTOFINISH_FP16               = "false"
    }
    error_message = "TensorRT comes first; CUDA runs what it cannot."
  }
  assert {
    condition     = google_cloud_run_v2_job.analyze["main"].template[0].template[0].volumes[0].gcs[0].bucket == "my-project-engines" && !google_cloud_run_v2_job.analyze["main"].template[0].template[0].volumes[0].gcs[0].read_only && google_cloud_run_v2_job.analyze["main"].template[0].template[0].containers[0].volume_mounts[0].name == google_cloud_run_v2_job.analyze["main"].template[0].template[0].volumes[0].name && google_cloud_run_v2_job.analyze["main"].template[0].template[0].containers[0].volume_mounts[0].mount_path == "/var/cache/tensorrt"
    error_message = "Engines outlive the task: a bucket keeps them."
  }
  assert {
    condition     = google_storage_bucket_iam_member.keeps_engines["engines"].role == "roles/storage.objectUser" && google_storage_bucket_iam_member.keeps_engines["engines"].member == "serviceAccount:job" && google_storage_bucket.engines[0].public_access_prevention == "enforced" && google_storage_bucket.engines[0].encryption[0].default_kms_key_name == "projects/p/locations/l/keyRings/r/cryptoKeys/k"
    error_message = "Only tasks read and write them."
  }
}

run "tensorrt_without_a_gpu_is_refused" {
  command = plan
  module {
    source = "./modules/gpu-job"
  }
  variables {
    processor    = "cpu"
    acceleration = { provider = "tensorrt", engines_bucket = "my-project-engines" }
  }
  expect_failures = [var.acceleration]
}

run "tensorrt_without_an_engines_bucket_is_refused" {
  command = plan
  module {
    source = "./modules/gpu-job"
  }
  variables {
    acceleration = { provider = "tensorrt" }
  }
  expect_failures = [var.acceleration]
}

run "a_pack_whose_licence_was_not_accepted_is_refused" {
  command = plan
  module {
    source = "./modules/gpu-job"
  }
  variables {
    models = { face_pack = "/models/own/buffalo_l" }
  }
  expect_failures = [var.models]
}

run "a_relative_path_is_refused" {
  command = plan
  module {
    source = "./modules/gpu-job"
  }
  variables {
    models = { bib_detector = "bibs.onnx" }
  }
  expect_failures = [var.models]
}

run "paddleocr_without_models_is_refused" {
  command = plan
  module {
    source = "./modules/gpu-job"
  }
  variables {
    models = { text_engine = "paddleocr" }
  }
  expect_failures = [var.models]
}

run "a_lane_must_not_be_missing" {
  command = plan
  module {
    source = "./modules/gpu-job"
  }
  variables {
    work = { lanes = { prompt = { topic = "t", subscription = "s" } }, dead_letter_topic = "d" }
  }
  expect_failures = [var.work]
}
