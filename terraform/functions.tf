# Every function, as functions/photofinish_functions/function_specs.py lists them; a test compares the two.
# `uses`: firestore, database (Postgres), faces (compares embeddings), signed_links, internet (calls servers of others). Topics have the keys of var.topics.
# `size`: what differs from the defaults in sizes.tf.

locals {
  # Pub/Sub calls these.
  event_functions = {
    on-object-finalized = {
      target       = "on_object_finalized"
      uses         = ["firestore"]
      publishes_to = ["work", "bulk", "results"]
      size         = { concurrency = 40 }
      subscriptions = {
        on-object-finalized = { topic = "uploads", dead_letter_topic = "dead" }
      }
    }
    # A message only says that there may be work. An old one adds nothing, so messages expire soon, without dead letters.
    launch-workers = {
      target = "launch_workers"
      uses   = ["firestore"]
      size   = { concurrency = 40 }
      subscriptions = {
        launch-workers       = { topic = "work", retention_s = 600 }
        launch-workers-bulk  = { topic = "bulk", retention_s = 600 }
        launch-workers-sweep = { topic = "sweep", retention_s = 600 }
      }
    }
    # The last stop of a failed photo: delivery is retried for 31 days, the longest that Pub/Sub allows.
    on-dead-letter = {
      target       = "on_dead_letter"
      uses         = ["firestore"]
      publishes_to = ["results"]
      size         = { cpu = 0.5, concurrency = 1 }
      subscriptions = {
        on-dead-letter = { topic = "dead", retention_s = 2678400 }
      }
    }
    # A run may take as long as Pub/Sub waits for an answer. A missed run is not kept: the next one is ten minutes away
    # (a day, for the one over all photos).
    reconcile = {
      target       = "reconcile"
      uses         = ["firestore"]
      publishes_to = ["work", "bulk", "results"]
      size         = { cpu = 0.5, concurrency = 1, timeout_s = 600 }
      subscriptions = {
        reconcile = { topic = "reconcile", ack_deadline_s = 600, retention_s = 600 }
      }
    }
    # A large album takes a minute. The sweep catches what was missed.
    cluster-people = {
      target       = "cluster_people"
      uses         = ["firestore", "database", "faces"]
      publishes_to = ["webhooks"]
      size         = { memory_gib = 2, concurrency = 8, timeout_s = 600 }
      subscriptions = {
        cluster-people       = { topic = "results", ack_deadline_s = 600 }
        cluster-people-sweep = { topic = "people_sweep", ack_deadline_s = 600, retention_s = 600 }
      }
    }
    # An event must not be lost: it is retried for 31 days, the longest that Pub/Sub allows.
    record-events = {
      target       = "record_events"
      uses         = ["firestore", "database"]
      publishes_to = ["webhooks"]
      size         = { concurrency = 8 }
      subscriptions = {
        record-events = { topic = "results", retention_s = 2678400 }
      }
    }
    # A message only says that a delivery may be due; the schedule asks again, so a missed one is not kept. The only function
    # that calls servers of others.
    deliver-webhooks = {
      target               = "deliver_webhooks"
      uses                 = ["database", "internet"]
      publishes_to         = ["webhooks"]
      env                  = merge(local.notification_env, local.sending_env)
      secret_env           = { PHOTOFINISH_WEBHOOK_KEY = local.webhook_key }
      operators_secret_env = { PHOTOFINISH_SMTP_PASSWORD = var.notifications.smtp.password_secret }
      size                 = { concurrency = 40 }
      subscriptions = {
        deliver-webhooks = { topic = "webhooks", retention_s = 600 }
      }
    }
    on-enrolment-finalized = {
      target       = "on_enrolment_finalized"
      uses         = ["database", "faces"]
      publishes_to = ["webhooks"]
      size         = { memory_gib = 2, concurrency = 4, timeout_s = 120 }
      subscriptions = {
        on-enrolment-finalized       = { topic = "enrolments", ack_deadline_s = 120 }
        on-enrolment-finalized-sweep = { topic = "people_sweep", ack_deadline_s = 120, retention_s = 600 }
      }
    }
    # Goes on where a request that changed an album's bib rules ended. A missed run is not kept: the next one does the same.
    rescore-bibs = {
      target = "rescore_bibs"
      uses   = ["firestore", "database"]
      size   = { concurrency = 1, timeout_s = 600 }
      subscriptions = {
        rescore-bibs = { topic = "people_sweep", ack_deadline_s = 600, retention_s = 600 }
      }
    }
    # The only function that deletes objects and signs receipts. A missed run is not kept: the next one erases the same. A
    # deletion in the bucket must not be lost: it is retried for 31 days, the longest that Pub/Sub allows.
    expire = {
      target       = "expire"
      uses         = ["firestore", "database"]
      publishes_to = ["webhooks"]
      env = {
        PHOTOFINISH_AUDIT_RETENTION_DAYS   = tostring(var.retention.audit_days)
        PHOTOFINISH_EVENT_RETENTION_DAYS   = tostring(var.retention.event_days)
        PHOTOFINISH_WEBHOOK_RETENTION_DAYS = tostring(var.retention.webhook_days)
        PHOTOFINISH_AUDIT_BUCKET           = local.audit_bucket
      }
      secret_env = { PHOTOFINISH_RECEIPT_KEY = local.receipt_key }
      size       = { concurrency = 8, timeout_s = 600 }
      subscriptions = {
        expire         = { topic = "retention", ack_deadline_s = 600, retention_s = 600 }
        expire-deleted = { topic = "deletions", ack_deadline_s = 600, retention_s = 2678400 }
      }
    }
  }

  # Callers' programs call these. A variable that is null is not set. `operators_secret_env`: full names of secrets that
  # are not made here.
  http_functions = {
    api = {
      target       = "api"
      uses         = ["firestore", "database", "faces", "signed_links"]
      publishes_to = ["retention", "webhooks"] # asks `expire` to end links, and for tests and replays of deliveries
      env = merge(local.notification_env, {
        PHOTOFINISH_CORS_ORIGINS     = join(",", var.search.cors_origins)
        PHOTOFINISH_FIREBASE_PROJECT = var.search.firebase_project
        # Without a load balancer the pages ask every few seconds.
        PHOTOFINISH_LIVE_URL = var.search.exposure == "load_balancer" ? "https://${var.search.domain}" : null
        PHOTOFINISH_THREADS  = "1" # per process; each core has one process
      })
      size = { timeout_s = 3600 } # a ZIP of photos over a slow network
      secret_env = {
        PHOTOFINISH_TOKEN_SECRET = local.token_secret
        PHOTOFINISH_PEPPER       = local.pepper
        PHOTOFINISH_WEBHOOK_KEY  = local.webhook_key
      }
      operators_secret_env = { PHOTOFINISH_LINK_KEY = var.search.link_key_secret }
    }
    # Connections stay open, up to the longest that Cloud Run allows. One process serves all of an instance. An old session is
    # as good in another instance, so no request needs to reach a certain one.
    live = {
      target     = "live"
      uses       = ["database"]
      size       = { cpu = 1, memory_gib = 0.5, concurrency = 1000, min_instances = 0, max_instances = 1, timeout_s = 3600 }
      env        = { PHOTOFINISH_CORS_ORIGINS = join(",", var.search.cors_origins) }
      secret_env = { PHOTOFINISH_PEPPER = local.pepper }
    }
    rekognition = {
      target       = "rekognition"
      uses         = ["firestore", "database", "faces"]
      publishes_to = ["webhooks"]
      size         = { cpu = 1, concurrency = 8 }
      env          = { PHOTOFINISH_THREADS = "1" }
      secret_env = {
        PHOTOFINISH_AWS_KEY_SECRET = local.key_secret
        PHOTOFINISH_TOKEN_SECRET   = local.token_secret
        PHOTOFINISH_PEPPER         = local.pepper
      }
    }
  }
  # Class NotificationSettings.
  notification_env = {
    PHOTOFINISH_NOTIFICATION_CHANNELS = join(",", var.notifications.channels)
    PHOTOFINISH_PUBLIC_URL            = var.notifications.public_url
    PHOTOFINISH_SUBSCRIPTION_DAYS     = tostring(var.notifications.subscription_days)
  }
  # Class NotifyingSettings.
  sending_env = {
    PHOTOFINISH_SMTP_HOST     = var.notifications.smtp.host
    PHOTOFINISH_MAIL_FROM     = var.notifications.smtp.from
    PHOTOFINISH_FCM_PROJECT   = var.notifications.fcm_project
    PHOTOFINISH_SMTP_PORT     = tostring(var.notifications.smtp.port)
    PHOTOFINISH_SMTP_SECURITY = var.notifications.smtp.security
    PHOTOFINISH_SMTP_USER     = var.notifications.smtp.user
  }
  http_env = {
    # Class AccessSettings: how many proxies add to X-Forwarded-For before a function reads it.
    PHOTOFINISH_PROXY_HOPS = var.search.exposure == "load_balancer" ? "2" : "1"
  }

  # Class ModelEnvironment, for every function that compares faces: all in one embedding space.
  face_env = var.models.face_pack == null ? {} : {
    PHOTOFINISH_FACE_PACK            = "${local.own_models}/${var.models.face_pack}"
    PHOTOFINISH_ACCEPT_NONCOMMERCIAL = tostring(var.models.accept_noncommercial)
  }

  # Class ModelEnvironment, for the function that searches by words.
  words_env = merge(
    var.models.label_search ? { PHOTOFINISH_LABEL_SEARCH = "true" } : {},
    var.models.picture_pair == null ? {} : { PHOTOFINISH_PICTURE_PAIR = "${local.own_models}/${var.models.picture_pair}" },
  )

  # The database is reached through the proxy in the function's sidecar, without a password. The function's account is named
  # after its service, so the user name is known at plan time.
  function_env = {
    for name, function in merge(local.event_functions, local.http_functions) : name => merge(
      local.env,
      contains(function.uses, "faces") ? local.face_env : {},
      name == "api" ? local.words_env : {},
      contains(function.uses, "database") ? {
        DATABASE_URL                = "host=127.0.0.1 port=5432 dbname=photofinish user=fn-${name}@${var.project_id}.iam sslmode=disable"
        PHOTOFINISH_DATABASE_WAIT_S = local.database_wait_s
      } : {},
      { for variable, value in lookup(function, "env", {}) : variable => value if value != null },
    )
  }
}

module "event_function" {
  source   = "./modules/event-function"
  for_each = local.event_functions

  project_id = module.foundation.project_id
  region     = var.region
  name       = each.key
  target     = each.value.target
  image      = var.first_images.functions
  env        = local.function_env[each.key]
  secret_env = merge(
    { for name, secret in lookup(each.value, "secret_env", {}) : name => module.foundation.secret_ids[secret] },
    { for name, secret in lookup(each.value, "operators_secret_env", {}) : name => secret if secret != null },
  )
  database             = contains(each.value.uses, "database") ? module.vector_database.connection : null
  calls_internet       = contains(each.value.uses, "internet")
  size                 = local.event_size[each.key]
  pubsub_service_agent = module.foundation.service_agents.pubsub
  project_roles        = contains(each.value.uses, "firestore") ? ["roles/datastore.user"] : []
  publishes_to         = { for topic in lookup(each.value, "publishes_to", []) : topic => local.topic[topic] }
  deployers            = { deployer = module.foundation.deploys }
  kms_key              = module.foundation.kms_key
  deletion_protection  = var.deletion_protection

  subscriptions = {
    for name, subscription in each.value.subscriptions : name => merge(
      subscription,
      { for key in ["topic", "dead_letter_topic"] : key => local.topic[subscription[key]] if can(subscription[key]) },
    )
  }
}

# Firebase's own roles that may send messages may do much more.
resource "google_project_iam_custom_role" "sends_push_messages" {
  count = contains(var.notifications.channels, "fcm") ? 1 : 0

  project     = module.foundation.project_id
  role_id     = "photofinishSendsPushMessages"
  title       = "Send push messages by Firebase Cloud Messaging"
  permissions = ["cloudmessaging.messages.create"]
}

resource "google_project_iam_member" "sends_push_messages" {
  count = contains(var.notifications.channels, "fcm") && var.notifications.fcm_project == null ? 1 : 0

  project = module.foundation.project_id
  role    = google_project_iam_custom_role.sends_push_messages[0].name
  member  = module.event_function["deliver-webhooks"].member
}

module "http_function" {
  source   = "./modules/http-function"
  for_each = local.http_functions

  project_id = module.foundation.project_id
  region     = var.region
  name       = each.key
  target     = each.value.target
  image      = var.first_images.functions
  env        = merge(local.http_env, local.function_env[each.key])
  secret_env = merge(
    { for name, secret in each.value.secret_env : name => module.foundation.secret_ids[secret] },
    { for name, secret in lookup(each.value, "operators_secret_env", {}) : name => secret if secret != null },
  )
  database             = contains(each.value.uses, "database") ? module.vector_database.connection : null
  network_tags         = each.key == "api" ? compact([module.vector_database.public_keys_tag]) : []
  signs_links          = contains(each.value.uses, "signed_links")
  project_roles        = contains(each.value.uses, "firestore") ? ["roles/datastore.user"] : []
  publishes_to         = { for topic in lookup(each.value, "publishes_to", []) : topic => local.topic[topic] }
  size                 = local.http_size[each.key]
  exposure             = var.search.exposure
  invoker_iam_disabled = var.search.invoker_iam_disabled
  invokers             = var.search.invokers
  deployers            = { deployer = module.foundation.deploys }
  kms_key              = module.foundation.kms_key
  deletion_protection  = var.deletion_protection
}

module "public_gateway" {
  source = "./modules/public-gateway"
  count  = var.search.exposure == "load_balancer" ? 1 : 0

  project_id = module.foundation.project_id
  region     = var.region
  domain     = var.search.domain
  services   = { "/v1" = module.http_function["api"].name }
  paths = {
    "/v1/albums/*/events/stream" = module.http_function["live"].name
    "/v1/events/ws"              = module.http_function["live"].name
  }
  # AWS SDKs sign the path `/` and the host, so they need their own host.
  hosts      = var.search.rekognition_domain == null ? {} : { (var.search.rekognition_domain) = module.http_function["rekognition"].name }
  rate_limit = { requests = var.search.requests_per_min }
}
