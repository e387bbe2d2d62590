# The analysis job: its tasks pull photos from the queue.

resource "google_service_account" "analyze" {
  project      = module.foundation.project_id
  account_id   = "job-analyze"
  display_name = "The analysis job, owner of the vector database's tables"
}

module "gpu_job" {
  source = "./modules/gpu-job"

  project_id           = module.foundation.project_id
  region               = var.region
  name                 = var.job_name
  image                = var.first_images.job
  processor            = var.analysis.processor
  task_timeout_s       = var.analysis.task_timeout_s
  accelerator          = var.analysis.accelerator
  size                 = { cpu = var.analysis.cpu, memory_gib = var.analysis.memory_gib }
  service_account      = google_service_account.analyze
  database             = merge(module.vector_database.connection, { proxy = merge(module.vector_database.connection.proxy, local.task_proxy) })
  pubsub_service_agent = module.foundation.service_agents.pubsub
  publishes_to         = { results = local.topic["results"] }
  launchers            = { launch_workers = module.event_function["launch-workers"].member }
  deployers            = { deployer = module.foundation.deploys }
  kms_key              = module.foundation.kms_key
  deletion_protection  = var.deletion_protection

  acceleration = {
    provider       = var.models.provider
    fp16           = var.models.fp16
    engines_bucket = coalesce(var.buckets.engines, "${var.project_id}-engines")
  }
  models = {
    face_pack            = var.models.face_pack == null ? null : "${local.own_models}/${var.models.face_pack}"
    accept_noncommercial = var.models.accept_noncommercial
    bib_detector         = var.models.bib_detector == null ? null : "${local.own_models}/${var.models.bib_detector}"
    text_engine          = var.models.text_engine
    label_search         = var.models.label_search
    picture_pair         = var.models.picture_pair == null ? null : "${local.own_models}/${var.models.picture_pair}"
    paddle_models        = var.models.paddle_models == null ? null : "${local.own_models}/${var.models.paddle_models}"
  }
  work = {
    lanes = {
      prompt = { topic = local.topic["work"], subscription = local.env.PHOTOFINISH_WORK_SUBSCRIPTION }
      bulk   = { topic = local.topic["bulk"], subscription = local.env.PHOTOFINISH_BULK_SUBSCRIPTION }
    }
    dead_letter_topic = local.topic["dead"]
  }
  env = merge(local.env, {
    DATABASE_URL                = module.vector_database.owner_url
    PHOTOFINISH_DATABASE_WAIT_S = local.database_wait_s
    PHOTOFINISH_BATCH_SIZE      = tostring(var.analysis.batch_size)
    PHOTOFINISH_IDLE_EXIT_S     = tostring(var.analysis.idle_exit_s)
  })
}
