# The way of a photo, from top to bottom. Each module holds one thing together with the rights that it needs.

locals {
  labels = merge({ app = "photofinish", environment = var.environment }, var.labels)

  photo_bucket   = coalesce(var.buckets.photos, "${var.project_id}-photos")
  derived_bucket = coalesce(var.buckets.derived, "${var.project_id}-derived")

  api_key_secret = "photofinish-api-key-sha256s"

  # shared/photofinish/settings.py, class Settings.
  env = {
    GOOGLE_CLOUD_PROJECT          = var.project_id
    PHOTOFINISH_REGION            = var.region
    PHOTOFINISH_PHOTO_BUCKET      = local.photo_bucket
    PHOTOFINISH_DERIVED_BUCKET    = local.derived_bucket
    PHOTOFINISH_WORK_TOPIC        = var.topics.work
    PHOTOFINISH_WORK_SUBSCRIPTION = "photo-work-tasks"
    PHOTOFINISH_RESULTS_TOPIC     = var.topics.results
    PHOTOFINISH_JOB               = var.job_name
    PHOTOFINISH_MAX_GPU_TASKS     = tostring(var.analysis.max_tasks)
    PHOTOFINISH_PHOTOS_PER_TASK   = tostring(var.analysis.photos_per_task)
  }
  # Class DatabaseSettings, of whoever connects: through the proxy beside each container; there is no password.
  database_url_of = { for name, email in local.search_emails : name => "host=127.0.0.1 port=5432 dbname=photofinish user=${trimsuffix(email, ".gserviceaccount.com")} sslmode=disable" }
  # Full names, out of what is known before the topics are there.
  topic = { for key, topic in google_pubsub_topic.topic : key => "projects/${topic.project}/topics/${topic.name}" }

  # A function's account has the name of its service, so that its address is known before the service is there.
  search_emails = { for name in keys(local.search_functions) : name => "fn-${name}@${var.project_id}.iam.gserviceaccount.com" }

  search_functions = {
    find-by-bib    = { target = "find_by_bib", memory = "1Gi", cpu = 1 }
    find-by-selfie = { target = "find_by_selfie", memory = "2Gi", cpu = 2 }
  }
}

module "foundation" {
  source = "./modules/foundation"

  project_id         = var.project_id
  region             = var.region
  kms_key            = var.kms_key
  deploy_from_github = var.deploy_from_github
  state_bucket       = var.state_bucket
  # 64 zeros are the hash of no key: until an operator adds a version, nobody may search.
  secrets = { (local.api_key_secret) = { placeholder = join("", [for _ in range(64) : "0"]) } }
}

resource "google_pubsub_topic" "topic" {
  for_each = var.topics

  project                    = var.project_id
  name                       = each.value
  kms_key_name               = var.kms_key
  message_retention_duration = each.key == "dead" ? "604800s" : null

  message_storage_policy {
    allowed_persistence_regions = [var.region]
    enforce_in_transit          = false
  }

  depends_on = [module.foundation]
}

module "photo_bucket" {
  source = "./modules/photo-bucket"

  project_id            = var.project_id
  region                = var.region
  name                  = local.photo_bucket
  derived_name          = local.derived_bucket
  upload_topic          = local.topic["uploads"]
  storage_service_agent = module.foundation.service_agents.storage
  retention             = var.retention
  cors_origins          = var.upload_origins
  uploaders             = merge(var.uploaders, { smoke_test = module.foundation.deployer.member })
  kms_key               = var.kms_key
  force_destroy         = !var.deletion_protection

  readers = {
    analyze   = google_service_account.analyze.member
    reconcile = module.reconcile.member
  }
  derived_writers = { analyze = google_service_account.analyze.member }

  depends_on = [module.foundation]
}

module "firestore" {
  source = "./modules/firestore"

  project_id          = var.project_id
  location            = var.region
  indexes_file        = "${path.module}/firestore/firestore.indexes.json"
  rules_file          = "${path.module}/firestore/firestore.rules"
  backup_keep_days    = var.backup_keep_days
  kms_key             = var.kms_key
  deletion_protection = var.deletion_protection

  depends_on = [module.foundation]
}

# --- events ---

module "on_object_finalized" {
  source = "./modules/event-function"

  project_id           = var.project_id
  region               = var.region
  name                 = "on-object-finalized"
  target               = "on_object_finalized"
  image                = var.first_images.functions
  env                  = local.env
  size                 = { max_instances = 20, concurrency = 20, timeout_s = 60 }
  pubsub_service_agent = module.foundation.service_agents.pubsub
  project_roles        = ["roles/datastore.user"]
  deployers            = { deployer = module.foundation.deployer.member }
  kms_key              = var.kms_key
  deletion_protection  = var.deletion_protection

  publishes_to = {
    work    = local.topic["work"]
    results = local.topic["results"]
  }
  subscriptions = {
    on-object-finalized = {
      topic             = local.topic["uploads"]
      dead_letter_topic = local.topic["dead"]
    }
  }
}

module "launch_workers" {
  source = "./modules/event-function"

  project_id           = var.project_id
  region               = var.region
  name                 = "launch-workers"
  target               = "launch_workers"
  image                = var.first_images.functions
  env                  = local.env
  size                 = { max_instances = 2, concurrency = 40, timeout_s = 60 }
  pubsub_service_agent = module.foundation.service_agents.pubsub
  project_roles        = ["roles/datastore.user"]
  deployers            = { deployer = module.foundation.deployer.member }
  kms_key              = var.kms_key
  deletion_protection  = var.deletion_protection

  # Each message says only "look": an old one tells nothing new, so they expire soon and none is a dead letter.
  subscriptions = {
    launch-workers       = { topic = local.topic["work"], retention_s = 600 }
    launch-workers-sweep = { topic = local.topic["sweep"], retention_s = 600 }
  }
}

module "on_dead_letter" {
  source = "./modules/event-function"

  project_id           = var.project_id
  region               = var.region
  name                 = "on-dead-letter"
  target               = "on_dead_letter"
  image                = var.first_images.functions
  env                  = local.env
  size                 = { max_instances = 5 }
  pubsub_service_agent = module.foundation.service_agents.pubsub
  project_roles        = ["roles/datastore.user"]
  publishes_to         = { results = local.topic["results"] }
  deployers            = { deployer = module.foundation.deployer.member }
  kms_key              = var.kms_key
  deletion_protection  = var.deletion_protection

  # The end of the line: tried for as long as there is anything to lose.
  subscriptions = {
    on-dead-letter = { topic = local.topic["dead"], retention_s = 2678400 }
  }
}

module "reconcile" {
  source = "./modules/event-function"

  project_id           = var.project_id
  region               = var.region
  name                 = "reconcile"
  target               = "reconcile"
  image                = var.first_images.functions
  env                  = local.env
  size                 = { max_instances = 1, concurrency = 1, timeout_s = 600 }
  pubsub_service_agent = module.foundation.service_agents.pubsub
  project_roles        = ["roles/datastore.user"]
  deployers            = { deployer = module.foundation.deployer.member }
  kms_key              = var.kms_key
  deletion_protection  = var.deletion_protection

  publishes_to = {
    work    = local.topic["work"]
    results = local.topic["results"]
  }
  # A run may take as long as Pub/Sub waits. The next one is ten minutes away, the next one over all photos a day, so a
  # missed one is not kept.
  subscriptions = {
    reconcile = { topic = local.topic["reconcile"], ack_deadline_s = 600, retention_s = 600 }
  }
}

# --- analysis ---

resource "google_service_account" "analyze" {
  project      = var.project_id
  account_id   = "job-analyze"
  display_name = "The analysis job, owner of the vector database's tables"

  depends_on = [module.foundation]
}

module "gpu_job" {
  source = "./modules/gpu-job"

  project_id                 = var.project_id
  region                     = var.region
  name                       = var.job_name
  image                      = var.first_images.job
  processor                  = var.analysis.processor
  task_timeout_s             = var.analysis.task_timeout_s
  cuda_forward_compatibility = var.analysis.cuda_forward_compatibility
  size                       = { cpu = var.analysis.cpu, memory_gib = var.analysis.memory_gib }
  service_account            = google_service_account.analyze
  database                   = module.vector_database.connection
  pubsub_service_agent       = module.foundation.service_agents.pubsub
  publishes_to               = { results = local.topic["results"] }
  launchers                  = { launch_workers = module.launch_workers.member }
  deployers                  = { deployer = module.foundation.deployer.member }
  kms_key                    = var.kms_key
  deletion_protection        = var.deletion_protection

  work = {
    topic             = local.topic["work"]
    subscription      = local.env.PHOTOFINISH_WORK_SUBSCRIPTION
    dead_letter_topic = local.topic["dead"]
  }
  env = merge(local.env, {
    DATABASE_URL            = module.vector_database.owner_url
    PHOTOFINISH_BATCH_SIZE  = tostring(var.analysis.batch_size)
    PHOTOFINISH_IDLE_EXIT_S = tostring(var.analysis.idle_exit_s)
  })
}

module "vector_database" {
  source = "./modules/vector-database"

  project_id          = var.project_id
  region              = var.region
  instance            = var.database
  backup              = { keep = var.backup_keep_days }
  owner               = google_service_account.analyze
  readers             = { for name, function in module.search : name => function.email }
  proxy_image         = var.database_proxy_image
  migration           = { image = var.first_images.job, env = local.env }
  deployers           = { deployer = module.foundation.deployer.member }
  kms_key             = var.kms_key
  deletion_protection = var.deletion_protection

  depends_on = [module.foundation]
}

# --- search ---

module "search" {
  source   = "./modules/http-function"
  for_each = local.search_functions

  project_id          = var.project_id
  region              = var.region
  name                = each.key
  target              = each.value.target
  image               = var.first_images.functions
  env                 = merge(local.env, { DATABASE_URL = local.database_url_of[each.key] })
  secret_env          = { PHOTOFINISH_API_KEY_SHA256S = module.foundation.secret_ids[local.api_key_secret] }
  database            = module.vector_database.connection
  exposure            = var.search.exposure
  invokers            = var.search.invokers
  deployers           = { deployer = module.foundation.deployer.member }
  kms_key             = var.kms_key
  deletion_protection = var.deletion_protection

  size = {
    cpu           = each.value.cpu
    memory        = each.value.memory
    concurrency   = 8
    min_instances = var.search.min_instances
    max_instances = var.search.max_instances
    timeout_s     = 30
  }
}

module "public_gateway" {
  source = "./modules/public-gateway"
  count  = var.search.exposure == "load_balancer" ? 1 : 0

  project_id = var.project_id
  region     = var.region
  domain     = var.search.domain
  services   = { for name, function in local.search_functions : "/${function.target}" => module.search[name].name }
  rate_limit = { requests = var.search.requests_per_min }
}

# --- running it ---

module "operations" {
  source = "./modules/operations"

  project_id              = var.project_id
  region                  = var.region
  scheduler_service_agent = module.foundation.service_agents.scheduler
  alert_emails            = var.alert_emails
  thresholds              = { search_latency_p95_ms = var.search.latency_p95_ms, upload_to_result_p95_s = var.analysis.upload_to_result_p95_s }
  search_objectives       = { availability = var.search.availability_share, latency_ms = var.search.latency_p95_ms }
  budget                  = var.budget
  stop_subscriptions      = module.launch_workers.subscriptions
  search_url = (
    var.search.exposure == "load_balancer" ? module.public_gateway[0].urls["/find_by_bib"] :
    var.search.exposure == "direct" ? "${module.search["find-by-bib"].uri}/" : null
  )

  schedules = {
    photofinish-sweep         = { topic = local.topic["sweep"], cron = var.schedules.sweep, description = "Start analysis that nothing else started." }
    photofinish-reconcile     = { topic = local.topic["reconcile"], cron = var.schedules.reconcile, description = "Queue photos of the last 24 hours that no event told of." }
    photofinish-reconcile-all = { topic = local.topic["reconcile"], cron = var.schedules.reconcile_all, body = "{\"full\": true}", description = "Queue photos of any age that no event told of." }
  }
  watched = {
    dead_letter_topic = var.topics.dead
    work_subscription = module.gpu_job.work_subscription
    job               = module.gpu_job.name
    event_services    = [for function in [module.on_object_finalized, module.launch_workers, module.on_dead_letter, module.reconcile] : function.name]
    search_services   = keys(module.search)
    database          = module.vector_database.instance
  }
}
