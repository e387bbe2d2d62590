# The way of a photo, from top to bottom. Each module holds one thing together with the rights that it needs.

locals {
  labels = merge({ app = "photofinish", environment = var.environment }, var.labels)

  photo_bucket   = coalesce(var.buckets.photos, "${var.project_id}-photos")
  derived_bucket = coalesce(var.buckets.derived, "${var.project_id}-derived")

  enrolment_bucket = coalesce(var.buckets.enrolments, "${var.project_id}-enrolments")

  key_secret = "photofinish-key-secret"

  # shared/photofinish/settings.py, class Settings.
  env = {
    GOOGLE_CLOUD_PROJECT          = var.project_id
    PHOTOFINISH_REGION            = var.region
    PHOTOFINISH_PHOTO_BUCKET      = local.photo_bucket
    PHOTOFINISH_DERIVED_BUCKET    = local.derived_bucket
    PHOTOFINISH_ENROLMENT_BUCKET  = local.enrolment_bucket
    PHOTOFINISH_WORK_TOPIC        = var.topics.work
    PHOTOFINISH_WORK_SUBSCRIPTION = "photo-work-tasks"
    PHOTOFINISH_RESULTS_TOPIC     = var.topics.results
    PHOTOFINISH_JOB               = var.job_name
    PHOTOFINISH_MAX_GPU_TASKS     = tostring(var.analysis.max_tasks)
    PHOTOFINISH_PHOTOS_PER_TASK   = tostring(var.analysis.photos_per_task)
  }
  # Class ModelEnvironment, of whoever compares faces: all in one embedding space. Where both Dockerfiles put own models.
  own_models = "/models/own"
  face_env = var.models.face_pack == null ? {} : {
    PHOTOFINISH_FACE_PACK            = "${local.own_models}/${var.models.face_pack}"
    PHOTOFINISH_ACCEPT_NONCOMMERCIAL = tostring(var.models.accept_noncommercial)
  }
  # Class DatabaseSettings, of whoever connects: through the proxy beside each container; there is no password.
  database_url_of = { for name, email in local.database_users : name => "host=127.0.0.1 port=5432 dbname=photofinish user=${trimsuffix(email, ".gserviceaccount.com")} sslmode=disable" }
  # Full names, out of what is known before the topics are there.
  topic = { for key, topic in google_pubsub_topic.topic : key => "projects/${topic.project}/topics/${topic.name}" }

  # A function's account has the name of its service, so that its address is known before the service is there.
  database_users = {
    for name in concat(keys(local.http_functions), ["cluster-people", "expire", "on-enrolment-finalized"]) :
    name => "fn-${name}@${var.project_id}.iam.gserviceaccount.com"
  }

  # Both embed the pictures that they are sent.
  http_functions = {
    api         = { target = "api", memory = "2Gi", cpu = 2 }
    rekognition = { target = "rekognition", memory = "2Gi", cpu = 2 }
  }
  # Class AccessSettings: how many proxies add to X-Forwarded-For before a function reads it.
  proxy_hops = var.search.exposure == "load_balancer" ? 2 : 1

  event_functions = [
    module.on_object_finalized, module.launch_workers, module.on_dead_letter, module.reconcile,
    module.cluster_people, module.on_enrolment_finalized, module.expire,
  ]
  # Null where only Google's own tokens open the door.
  api_url = (
    var.search.exposure == "load_balancer" ? "https://${var.search.domain}" :
    var.search.exposure == "direct" ? module.http["api"].uri : null
  )
}

module "foundation" {
  source = "./modules/foundation"

  project_id         = var.project_id
  region             = var.region
  kms_key            = var.kms_key
  deploy_from_github = var.deploy_from_github
  state_bucket       = var.state_bucket
  # Too short for the functions, which say so and do not start: the first deploy adds a random version (ship/deploy.sh).
  secrets = { (local.key_secret) = { placeholder = "unset" } }
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
    analyze     = google_service_account.analyze.member
    reconcile   = module.reconcile.member
    rekognition = module.http["rekognition"].member
  }
  derived_writers = { analyze = google_service_account.analyze.member }
  # The links to previews that it signs carry its own right to read.
  derived_readers = { api = module.http["api"].member }

  depends_on = [module.foundation]
}

module "enrolment_bucket" {
  source = "./modules/enrolment-bucket"

  project_id            = var.project_id
  region                = var.region
  name                  = local.enrolment_bucket
  topic                 = local.topic["enrolments"]
  storage_service_agent = module.foundation.service_agents.storage
  cors_origins          = var.upload_origins
  uploaders             = { api = module.http["api"].member }
  readers               = { on_enrolment_finalized = module.on_enrolment_finalized.member }
  kms_key               = var.kms_key

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
  # What running tasks tell of themselves; a killed one cannot take it back.
  ttl_fields = { reports = "expires_at" }

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

module "cluster_people" {
  source = "./modules/event-function"

  project_id           = var.project_id
  region               = var.region
  name                 = "cluster-people"
  target               = "cluster_people"
  image                = var.first_images.functions
  env                  = merge(local.env, local.face_env, { DATABASE_URL = local.database_url_of["cluster-people"] })
  database             = module.vector_database.connection
  size                 = { memory = "2Gi", max_instances = 5, concurrency = 8, timeout_s = 600 }
  pubsub_service_agent = module.foundation.service_agents.pubsub
  project_roles        = ["roles/datastore.user"]
  deployers            = { deployer = module.foundation.deployer.member }
  kms_key              = var.kms_key
  deletion_protection  = var.deletion_protection

  # A large album takes a minute. What is missed is seen by the sweep.
  subscriptions = {
    cluster-people       = { topic = local.topic["results"], ack_deadline_s = 600 }
    cluster-people-sweep = { topic = local.topic["people_sweep"], ack_deadline_s = 600, retention_s = 600 }
  }
}

module "on_enrolment_finalized" {
  source = "./modules/event-function"

  project_id           = var.project_id
  region               = var.region
  name                 = "on-enrolment-finalized"
  target               = "on_enrolment_finalized"
  image                = var.first_images.functions
  env                  = merge(local.env, local.face_env, { DATABASE_URL = local.database_url_of["on-enrolment-finalized"] })
  database             = module.vector_database.connection
  size                 = { memory = "2Gi", max_instances = 5, concurrency = 4, timeout_s = 120 }
  pubsub_service_agent = module.foundation.service_agents.pubsub
  deployers            = { deployer = module.foundation.deployer.member }
  kms_key              = var.kms_key
  deletion_protection  = var.deletion_protection

  subscriptions = {
    on-enrolment-finalized       = { topic = local.topic["enrolments"], ack_deadline_s = 120 }
    on-enrolment-finalized-sweep = { topic = local.topic["people_sweep"], ack_deadline_s = 120, retention_s = 600 }
  }
}

module "expire" {
  source = "./modules/event-function"

  project_id           = var.project_id
  region               = var.region
  name                 = "expire"
  target               = "expire"
  image                = var.first_images.functions
  env                  = merge(local.env, { DATABASE_URL = local.database_url_of["expire"], PHOTOFINISH_AUDIT_RETENTION_DAYS = tostring(var.retention.audit_days) })
  database             = module.vector_database.connection
  size                 = { max_instances = 1, concurrency = 1, timeout_s = 600 }
  pubsub_service_agent = module.foundation.service_agents.pubsub
  deployers            = { deployer = module.foundation.deployer.member }
  kms_key              = var.kms_key
  deletion_protection  = var.deletion_protection

  # Tomorrow's run does what today's missed.
  subscriptions = {
    expire = { topic = local.topic["retention"], ack_deadline_s = 600, retention_s = 600 }
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
  acceleration               = { provider = var.models.provider, fp16 = var.models.fp16, engines_bucket = coalesce(var.buckets.engines, "${var.project_id}-engines") }
  size                       = { cpu = var.analysis.cpu, memory_gib = var.analysis.memory_gib }
  service_account            = google_service_account.analyze
  database                   = module.vector_database.connection
  pubsub_service_agent       = module.foundation.service_agents.pubsub
  publishes_to               = { results = local.topic["results"] }
  launchers                  = { launch_workers = module.launch_workers.member }
  deployers                  = { deployer = module.foundation.deployer.member }
  kms_key                    = var.kms_key
  deletion_protection        = var.deletion_protection

  models = {
    face_pack            = var.models.face_pack == null ? null : "${local.own_models}/${var.models.face_pack}"
    accept_noncommercial = var.models.accept_noncommercial
    bib_detector         = var.models.bib_detector == null ? null : "${local.own_models}/${var.models.bib_detector}"
    text_engine          = var.models.text_engine
    paddle_models        = var.models.paddle_models == null ? null : "${local.own_models}/${var.models.paddle_models}"
  }
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

  project_id = var.project_id
  region     = var.region
  instance   = var.database
  backup     = { keep = var.backup_keep_days }
  owner      = google_service_account.analyze
  users = merge(
    { for name, function in module.http : name => function.email },
    { for function in [module.cluster_people, module.on_enrolment_finalized, module.expire] : function.name => function.email },
  )
  proxy_image         = var.database_proxy_image
  migration           = { image = var.first_images.job, env = local.env }
  deployers           = { deployer = module.foundation.deployer.member }
  kms_key             = var.kms_key
  deletion_protection = var.deletion_protection

  depends_on = [module.foundation]
}

# --- what people's programs call ---

module "http" {
  source   = "./modules/http-function"
  for_each = local.http_functions

  project_id = var.project_id
  region     = var.region
  name       = each.key
  target     = each.value.target
  image      = var.first_images.functions
  env = merge(
    local.env,
    local.face_env,
    {
      DATABASE_URL           = local.database_url_of[each.key]
      PHOTOFINISH_PROXY_HOPS = tostring(local.proxy_hops)
      PHOTOFINISH_THREADS    = "1" # of each of its processes, of which there is one for each core
    },
    each.key == "api" ? { PHOTOFINISH_CORS_ORIGINS = join(",", var.search.cors_origins) } : {},
    each.key == "api" && var.search.firebase_project != null ? { PHOTOFINISH_FIREBASE_PROJECT = var.search.firebase_project } : {},
  )
  secret_env = merge(
    { PHOTOFINISH_KEY_SECRET = module.foundation.secret_ids[local.key_secret] },
    each.key == "api" && var.search.link_key_secret != null ? { PHOTOFINISH_LINK_KEY = var.search.link_key_secret } : {},
  )
  database            = module.vector_database.connection
  signs_links         = each.key == "api"
  project_roles       = each.key == "api" ? ["roles/datastore.user"] : []
  exposure            = var.search.exposure
  invokers            = var.search.invokers
  deployers           = { deployer = module.foundation.deployer.member }
  kms_key             = var.kms_key
  deletion_protection = var.deletion_protection

  size = {
    cpu           = each.value.cpu
    memory        = each.value.memory
    concurrency   = 16
    min_instances = var.search.min_instances
    max_instances = var.search.max_instances
    timeout_s     = 60
  }
}

module "public_gateway" {
  source = "./modules/public-gateway"
  count  = var.search.exposure == "load_balancer" ? 1 : 0

  project_id = var.project_id
  region     = var.region
  domain     = var.search.domain
  services   = { "/v1" = module.http["api"].name }
  # AWS SDKs sign the path `/` and the host: they need a host of their own.
  hosts      = var.search.rekognition_domain == null ? {} : { (var.search.rekognition_domain) = module.http["rekognition"].name }
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
  # Written out: whether there is one must be known before any address is.
  health_url = (
    var.search.exposure == "load_balancer" ? "https://${var.search.domain}/v1/health" :
    var.search.exposure == "direct" ? "${module.http["api"].uri}/v1/health" : null
  )

  schedules = {
    photofinish-sweep            = { topic = local.topic["sweep"], cron = var.schedules.sweep, description = "Start analysis that nothing else started." }
    photofinish-reconcile        = { topic = local.topic["reconcile"], cron = var.schedules.reconcile, description = "Queue photos of the last 24 hours that no event told of." }
    photofinish-people-sweep     = { topic = local.topic["people_sweep"], cron = var.schedules.people_sweep, description = "Cluster albums and look at enrolment pictures that nothing else told of." }
    photofinish-people-sweep-all = { topic = local.topic["people_sweep"], cron = var.schedules.people_sweep_all, body = "{\"full\": true}", description = "Cluster every album again." }
    photofinish-retention        = { topic = local.topic["retention"], cron = var.schedules.retention, description = "Delete what is kept for a time only, such as the audit." }
    photofinish-reconcile-all    = { topic = local.topic["reconcile"], cron = var.schedules.reconcile_all, body = "{\"full\": true}", description = "Queue photos of any age that no event told of." }
  }
  watched = {
    dead_letter_topic = var.topics.dead
    work_subscription = module.gpu_job.work_subscription
    job               = module.gpu_job.name
    event_services    = [for function in local.event_functions : function.name]
    search_services   = keys(module.http)
    database          = module.vector_database.instance
  }
}
