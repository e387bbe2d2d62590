# Every function, as functions/photofinish_functions/function_specs.py lists them; a test compares the two.
# `uses`: firestore, database (Postgres), faces (compares embeddings), signed_links. Topics have the keys of var.topics.

locals {
  # Pub/Sub calls these.
  event_functions = {
    on-object-finalized = {
      target       = "on_object_finalized"
      uses         = ["firestore"]
      publishes_to = ["work", "results"]
      size         = { max_instances = 20, concurrency = 20, timeout_s = 60 }
      subscriptions = {
        on-object-finalized = { topic = "uploads", dead_letter_topic = "dead" }
      }
    }
    # A message only says that there may be work. An old one adds nothing, so messages expire soon, without dead letters.
    launch-workers = {
      target = "launch_workers"
      uses   = ["firestore"]
      size   = { max_instances = 2, concurrency = 40, timeout_s = 60 }
      subscriptions = {
        launch-workers       = { topic = "work", retention_s = 600 }
        launch-workers-sweep = { topic = "sweep", retention_s = 600 }
      }
    }
    # The last stop of a failed photo: delivery is retried for 31 days, the longest that Pub/Sub allows.
    on-dead-letter = {
      target       = "on_dead_letter"
      uses         = ["firestore"]
      publishes_to = ["results"]
      size         = { max_instances = 5 }
      subscriptions = {
        on-dead-letter = { topic = "dead", retention_s = 2678400 }
      }
    }
    # A run may take as long as Pub/Sub waits for an answer. A missed run is not kept: the next one is ten minutes away
    # (a day, for the one over all photos).
    reconcile = {
      target       = "reconcile"
      uses         = ["firestore"]
      publishes_to = ["work", "results"]
      size         = { max_instances = 1, concurrency = 1, timeout_s = 600 }
      subscriptions = {
        reconcile = { topic = "reconcile", ack_deadline_s = 600, retention_s = 600 }
      }
    }
    # A large album takes a minute. The sweep catches what was missed.
    cluster-people = {
      target = "cluster_people"
      uses   = ["firestore", "database", "faces"]
      size   = { memory = "2Gi", max_instances = 5, concurrency = 8, timeout_s = 600 }
      subscriptions = {
        cluster-people       = { topic = "results", ack_deadline_s = 600 }
        cluster-people-sweep = { topic = "people_sweep", ack_deadline_s = 600, retention_s = 600 }
      }
    }
    on-enrolment-finalized = {
      target = "on_enrolment_finalized"
      uses   = ["database", "faces"]
      size   = { memory = "2Gi", max_instances = 5, concurrency = 4, timeout_s = 120 }
      subscriptions = {
        on-enrolment-finalized       = { topic = "enrolments", ack_deadline_s = 120 }
        on-enrolment-finalized-sweep = { topic = "people_sweep", ack_deadline_s = 120, retention_s = 600 }
      }
    }
    # A missed run is not kept: the next day's run deletes the same.
    expire = {
      target = "expire"
      uses   = ["database"]
      env    = { PHOTOFINISH_AUDIT_RETENTION_DAYS = tostring(var.retention.audit_days) }
      size   = { max_instances = 1, concurrency = 1, timeout_s = 600 }
      subscriptions = {
        expire = { topic = "retention", ack_deadline_s = 600, retention_s = 600 }
      }
    }
  }

  # Callers' programs call these. A variable that is null is not set.
  http_functions = {
    api = {
      target = "api"
      uses   = ["firestore", "database", "faces", "signed_links"]
      env = {
        PHOTOFINISH_CORS_ORIGINS     = join(",", var.search.cors_origins)
        PHOTOFINISH_FIREBASE_PROJECT = var.search.firebase_project
      }
      secret_env = { PHOTOFINISH_LINK_KEY = var.search.link_key_secret }
    }
    rekognition = {
      target = "rekognition"
      uses   = ["database", "faces"]
    }
  }
  http_env = {
    # Class AccessSettings: how many proxies add to X-Forwarded-For before a function reads it.
    PHOTOFINISH_PROXY_HOPS = var.search.exposure == "load_balancer" ? "2" : "1"
    PHOTOFINISH_THREADS    = "1" # per process; each core has one process
  }

  # Class ModelEnvironment, for every function that compares faces: all in one embedding space.
  face_env = var.models.face_pack == null ? {} : {
    PHOTOFINISH_FACE_PACK            = "${local.own_models}/${var.models.face_pack}"
    PHOTOFINISH_ACCEPT_NONCOMMERCIAL = tostring(var.models.accept_noncommercial)
  }

  # The database is reached through the proxy in the function's sidecar, without a password. The function's account is named
  # after its service, so the user name is known at plan time.
  function_env = {
    for name, function in merge(local.event_functions, local.http_functions) : name => merge(
      local.env,
      contains(function.uses, "faces") ? local.face_env : {},
      contains(function.uses, "database") ? {
        DATABASE_URL = "host=127.0.0.1 port=5432 dbname=photofinish user=fn-${name}@${var.project_id}.iam sslmode=disable"
      } : {},
      { for variable, value in lookup(function, "env", {}) : variable => value if value != null },
    )
  }
}

module "event_function" {
  source   = "./modules/event-function"
  for_each = local.event_functions

  project_id           = var.project_id
  region               = var.region
  name                 = each.key
  target               = each.value.target
  image                = var.first_images.functions
  env                  = local.function_env[each.key]
  database             = contains(each.value.uses, "database") ? module.vector_database.connection : null
  size                 = each.value.size
  pubsub_service_agent = module.foundation.service_agents.pubsub
  project_roles        = contains(each.value.uses, "firestore") ? ["roles/datastore.user"] : []
  publishes_to         = { for topic in lookup(each.value, "publishes_to", []) : topic => local.topic[topic] }
  deployers            = { deployer = module.foundation.deployer.member }
  kms_key              = var.kms_key
  deletion_protection  = var.deletion_protection

  subscriptions = {
    for name, subscription in each.value.subscriptions : name => merge(
      subscription,
      { for key in ["topic", "dead_letter_topic"] : key => local.topic[subscription[key]] if can(subscription[key]) },
    )
  }
}

module "http_function" {
  source   = "./modules/http-function"
  for_each = local.http_functions

  project_id = var.project_id
  region     = var.region
  name       = each.key
  target     = each.value.target
  image      = var.first_images.functions
  env        = merge(local.http_env, local.function_env[each.key])
  secret_env = merge(
    { PHOTOFINISH_KEY_SECRET = module.foundation.secret_ids[local.key_secret] },
    { for name, secret in lookup(each.value, "secret_env", {}) : name => secret if secret != null },
  )
  database            = contains(each.value.uses, "database") ? module.vector_database.connection : null
  signs_links         = contains(each.value.uses, "signed_links")
  project_roles       = contains(each.value.uses, "firestore") ? ["roles/datastore.user"] : []
  exposure            = var.search.exposure
  invokers            = var.search.invokers
  deployers           = { deployer = module.foundation.deployer.member }
  kms_key             = var.kms_key
  deletion_protection = var.deletion_protection

  size = {
    cpu           = 2
    memory        = "2Gi"
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
  services   = { "/v1" = module.http_function["api"].name }
  # AWS SDKs sign the path `/` and the host, so they need their own host.
  hosts      = var.search.rekognition_domain == null ? {} : { (var.search.rekognition_domain) = module.http_function["rekognition"].name }
  rate_limit = { requests = var.search.requests_per_min }
}
