# The root module: which values the modules get, and which inputs are refused.

mock_provider "google" {
  mock_resource "google_service_account" {
    defaults = {
      email  = "some@my-project.iam.gserviceaccount.com"
      member = "serviceAccount:some@my-project.iam.gserviceaccount.com"
      name   = "projects/my-project/serviceAccounts/some@my-project.iam.gserviceaccount.com"
    }
  }
  mock_resource "google_cloud_run_v2_service" {
    defaults = { uri = "https://some.example.run.app" }
  }
  mock_data "google_project" {
    defaults = { number = "123456789" }
  }
}
mock_provider "google-beta" {}
mock_provider "time" {}

variables {
  project_id   = "my-project"
  region       = "europe-west1"
  environment  = "test"
  alert_emails = { me = "me@example.com" }
}

# A new account has about 20 vCPUs and 40 GiB per region, and 3 L4s.
run "a_new_account_is_enough" {
  command = plan
  assert {
    condition     = output.run_demand == { vcpu = 19.25, memory_gib = 33.25, l4 = 1, connections = 77 }
    error_message = "Everything that may run at once, by default, fits the quotas of a new account."
  }
  assert {
    condition     = output.run_demand.connections + local.connections.reserved <= 100 && module.vector_database.max_connections == 400
    error_message = "The database accepts all connections, even that of the smallest tier."
  }
}

run "more_instances_than_the_quota_are_refused" {
  command = plan
  variables {
    max_instances = { on-object-finalized = 5 }
  }
  expect_failures = [var.run_quota]
}

run "more_tasks_than_the_memory_are_refused" {
  command = plan
  variables {
    analysis  = { max_tasks = 2 }
    run_quota = { vcpu = 100 }
  }
  expect_failures = [var.run_quota]
}

run "more_tasks_than_gpus_are_refused" {
  command = plan
  variables {
    analysis  = { max_tasks = 4 }
    run_quota = { vcpu = 100, memory_gib = 200 }
  }
  expect_failures = [var.run_quota]
}

run "a_granted_quota_allows_more" {
  command = plan
  variables {
    analysis      = { max_tasks = 3 }
    max_instances = { on-object-finalized = 5 }
    run_quota     = { vcpu = 100, memory_gib = 200 }
  }
  assert {
    condition     = output.run_demand.l4 == 3 && local.event_size["on-object-finalized"].max_instances == 5
    error_message = "A bigger choice is one setting away."
  }
}

run "more_instances_than_connections_are_refused" {
  command = plan
  variables {
    search    = { max_instances = 10 }
    run_quota = { vcpu = 100, memory_gib = 200 }
    database  = { tier = "db-custom-1-3840" }
  }
  expect_failures = [output.run_demand]
}

run "instances_of_an_unknown_function_are_refused" {
  command = plan
  variables {
    max_instances = { api = 2 }
  }
  expect_failures = [var.max_instances]
}

run "on_cpu_behind_a_load_balancer" {
  command = plan
  variables {
    region    = "europe-north1"
    analysis  = { processor = "cpu", max_tasks = 5 }
    run_quota = { vcpu = 100, memory_gib = 200 }
    search    = { exposure = "load_balancer", domain = "search.example.com", rekognition_domain = "aws.example.com", firebase_project = "my-app", cors_origins = ["https://photos.example.com"], link_key_secret = "projects/my-project/secrets/link-key" }
    topics    = { work = "other-work" }
    job_name  = "other-job"
    budget    = { billing_account = "012345-6789AB-CDEF01", amount = 100 }
    kms_key   = "projects/p/locations/europe-north1/keyRings/r/cryptoKeys/k"

    notifications = {
      channels   = ["email", "fcm"]
      public_url = "https://photos.example.com"
      smtp       = { host = "smtp.example.com", from = "photos@example.com", user = "photos", password_secret = "projects/my-project/secrets/smtp" }
    }

    firestore_kms_key = "projects/p/locations/europe-north1/keyRings/r/cryptoKeys/documents"
  }

  assert {
    condition     = local.function_env["api"].PHOTOFINISH_NOTIFICATION_CHANNELS == "email,fcm" && local.function_env["deliver-webhooks"].PHOTOFINISH_SMTP_HOST == "smtp.example.com" && !contains(keys(local.function_env["api"]), "PHOTOFINISH_SMTP_HOST")
    error_message = "The API knows the channels, and only the function that sends the mail server."
  }

  assert {
    condition     = google_project_iam_custom_role.sends_push_messages[0].permissions == toset(["cloudmessaging.messages.create"])
    error_message = "The function that sends may send push messages, and nothing else of Firebase."
  }

  assert {
    condition     = local.env.PHOTOFINISH_MAX_GPU_TASKS == "5" && local.env.PHOTOFINISH_WORK_TOPIC == "other-work" && local.env.PHOTOFINISH_JOB == "other-job"
    error_message = "The functions get the given values."
  }
  assert {
    condition     = output.api_url == "https://search.example.com" && output.rekognition_url == "https://aws.example.com" && local.http_env.PHOTOFINISH_PROXY_HOPS == "2"
    error_message = "Search goes through the load balancer."
  }
  assert {
    condition     = alltrue([for topic in google_pubsub_topic.topic : topic.kms_key_name == var.kms_key])
    error_message = "Messages are encrypted with the key."
  }
}

run "gpus_or_cpus" {
  command = plan
  variables {
    analysis  = { processor = "auto" }
    run_quota = { l4 = 0 } # tasks run without GPU
  }

  assert {
    condition     = toset(output.jobs.analyze) == toset([local.env.PHOTOFINISH_JOB, local.env.PHOTOFINISH_CPU_JOB]) && local.env.PHOTOFINISH_PROCESSOR == "auto"
    error_message = "The launcher knows both jobs."
  }
}

run "an_unknown_processor_is_refused" {
  command = plan
  variables {
    analysis = { processor = "tpu" }
  }
  expect_failures = [var.analysis]
}

run "a_gpu_where_there_is_none_is_refused" {
  command = plan
  variables {
    region = "europe-north1"
  }
  expect_failures = [var.analysis]
}

run "a_domain_without_load_balancer_is_refused" {
  command = plan
  variables {
    search = { exposure = "direct", domain = "search.example.com" }
  }
  expect_failures = [var.search]
}

run "one_host_for_both_apis_is_refused" {
  command = plan
  variables {
    search = { exposure = "load_balancer", domain = "search.example.com", rekognition_domain = "search.example.com" }
  }
  expect_failures = [var.search]
}

run "a_link_key_that_is_no_secret_name_is_refused" {
  command = plan
  variables {
    search = { link_key_secret = "GOOG1EXAMPLE:its-secret" }
  }
  expect_failures = [var.search]
}

run "a_star_as_origin_is_refused" {
  command = plan
  variables {
    search = { cors_origins = ["*"] }
  }
  expect_failures = [var.search]
}

run "a_zone_as_region_is_refused" {
  command = plan
  variables {
    region = "europe-west1-b"
  }
  expect_failures = [var.region]
}

run "a_project_number_is_refused" {
  command = plan
  variables {
    project_id = "123456789"
  }
  expect_failures = [var.project_id]
}

run "duplicate_topic_names_are_refused" {
  command = plan
  variables {
    topics = { work = "photos", dead = "photos" }
  }
  expect_failures = [var.topics]
}

run "a_proxy_without_digest_is_refused" {
  command = plan
  variables {
    database_proxy_image = "gcr.io/cloud-sql-connectors/cloud-sql-proxy:2"
  }
  expect_failures = [var.database_proxy_image]
}

run "no_tasks_are_refused" {
  command = plan
  variables {
    analysis = { max_tasks = 0 }
  }
  expect_failures = [var.analysis]
}

run "own_models" {
  command = plan
  variables {
    models = { face_pack = "buffalo_l", accept_noncommercial = true, bib_detector = "bibs.onnx", provider = "tensorrt", label_search = true, picture_pair = "siglip" }
  }

  assert {
    condition     = local.face_env == tomap({ PHOTOFINISH_FACE_PACK = "/models/own/buffalo_l", PHOTOFINISH_ACCEPT_NONCOMMERCIAL = "true" })
    error_message = "Functions compare faces in the same space as the job."
  }
  assert {
    condition     = local.words_env == tomap({ PHOTOFINISH_LABEL_SEARCH = "true", PHOTOFINISH_PICTURE_PAIR = "/models/own/siglip" })
    error_message = "The API searches in the same space as the job."
  }
}

run "a_pack_whose_licence_was_not_accepted_is_refused" {
  command = plan
  variables {
    models = { face_pack = "buffalo_l" }
  }
  expect_failures = [var.models]
}

run "a_pack_by_its_path_is_refused" {
  command = plan
  variables {
    models = { face_pack = "/models/buffalo_l", accept_noncommercial = true }
  }
  expect_failures = [var.models]
}

run "a_detector_in_another_format_is_refused" {
  command = plan
  variables {
    models = { bib_detector = "bibs.pt" }
  }
  expect_failures = [var.models]
}

run "an_unknown_text_engine_is_refused" {
  command = plan
  variables {
    models = { text_engine = "tesseract" }
  }
  expect_failures = [var.models]
}

run "paddle_models_without_paddleocr_are_refused" {
  command = plan
  variables {
    models = { paddle_models = "paddle" }
  }
  expect_failures = [var.models]
}

run "tensorrt_without_a_gpu_is_refused" {
  command = plan
  variables {
    analysis = { processor = "cpu" }
    models   = { provider = "tensorrt" }
  }
  expect_failures = [var.models]
}

run "messages_need_links_and_a_mail_server" {
  command = plan
  variables {
    notifications = { channels = ["email"] }
  }
  expect_failures = [var.notifications]
}

# Applied, and last: plans take longer beside its state.
run "defaults" {
  assert {
    condition     = toset([for topic in google_pubsub_topic.topic : topic.name]) == toset(["photo-uploads", "photo-deletions", "photo-work", "photo-work-bulk", "photo-results", "photo-dead", "photo-sweep", "photo-reconcile", "photo-retention", "photo-enrolments", "people-sweep", "webhook-deliveries"])
    error_message = "The topics have the names that the code and the local cloud use."
  }
  assert {
    condition     = output.photo_bucket == "my-project-photos" && output.derived_bucket == "my-project-derived"
    error_message = "Buckets are named after the project."
  }
  assert {
    condition     = toset(output.services.events) == toset(["on-object-finalized", "launch-workers", "on-dead-letter", "reconcile", "cluster-people", "record-events", "deliver-webhooks", "on-enrolment-finalized", "rescore-bibs", "expire"]) && toset(output.services.http) == toset(["api", "live", "rekognition"])
    error_message = "Every function has a service."
  }
  assert {
    condition     = one(output.jobs.analyze) == "analyze" && output.jobs.migrate == "migrate"
    error_message = "There are two jobs."
  }
  assert {
    condition     = output.front_address == null && length(module.public_gateway) == 0
    error_message = "Nothing is public by default."
  }
  assert {
    condition     = output.api_url == "https://some.example.run.app" && output.rekognition_url == "https://some.example.run.app"
    error_message = "The outputs contain the URLs."
  }
}
