# One function on Cloud Run: how it runs, and that it has no roles by default.

mock_provider "google" {
  mock_resource "google_service_account" {
    defaults = {
      email  = "fn-some@my-project.iam.gserviceaccount.com"
      member = "serviceAccount:fn-some@my-project.iam.gserviceaccount.com"
      name   = "projects/my-project/serviceAccounts/fn-some@my-project.iam.gserviceaccount.com"
    }
  }
}
mock_provider "time" {}

variables {
  project_id = "my-project"
  region     = "europe-west1"
  name       = "api"
  target     = "api"
  image      = "example/functions"
  env        = { GOOGLE_CLOUD_PROJECT = "my-project" }
}

run "defaults" {
  module {
    source = "./modules/function-service"
  }

  assert {
    condition     = google_cloud_run_v2_service.function.ingress == "INGRESS_TRAFFIC_INTERNAL_ONLY"
    error_message = "By default a function is reachable from inside only."
  }
  assert {
    condition     = google_cloud_run_v2_service.function.template[0].service_account == google_service_account.function.email && google_service_account.function.account_id == "fn-api"
    error_message = "A function runs as its own service account."
  }
  assert {
    condition     = { for env in google_cloud_run_v2_service.function.template[0].containers[0].env : env.name => env.value } == { GOOGLE_CLOUD_PROJECT = "my-project", FUNCTION_TARGET = "api", FUNCTION_SOURCE = "/app/main.py", WORKERS = "1", THREADS = "20" }
    error_message = "The environment holds the given variables and those that functions-framework needs."
  }
  assert {
    condition     = google_cloud_run_v2_service.function.template[0].max_instance_request_concurrency == 20 && google_cloud_run_v2_service.function.template[0].scaling[0].min_instance_count == 0
    error_message = "There is a thread per concurrent request, and no idle instance."
  }
  assert {
    condition     = length(google_cloud_run_v2_service.function.template[0].containers) == 1 && length(google_cloud_run_v2_service.function.template[0].vpc_access) == 0 && length(google_project_iam_member.connects) == 0
    error_message = "Without a database there is no proxy, no network and no role to connect."
  }
  assert {
    condition     = alltrue([for probe in google_cloud_run_v2_service.function.template[0].containers[0].startup_probe : probe.http_get[0].path == "/ready" && probe.period_seconds * probe.failure_threshold >= 90 && probe.period_seconds * probe.failure_threshold <= 240]) && length(google_cloud_run_v2_service.function.template[0].containers[0].liveness_probe) == 0
    error_message = "Requests come when the function is ready; an instance without its database is not ended later."
  }
  assert {
    condition     = google_cloud_run_v2_service.function.deletion_protection
    error_message = "Services are protected by default."
  }
}

run "with_database_and_secret" {
  module {
    source = "./modules/function-service"
  }

  variables {
    secret_env = { PHOTOFINISH_API_KEY_SHA256S = "projects/my-project/secrets/keys" }
    database   = { proxy = { image = "example/proxy", args = ["--port=5432", "my-project:europe-west1:photofinish"], cpu = "250m", memory = "256Mi" }, network = "net", subnetwork = "sub" }
    deployers  = { deployer = { member = "serviceAccount:deployer", role = "projects/my-project/roles/deploys" } }
  }

  assert {
    condition     = google_cloud_run_v2_service.function.template[0].containers[0].depends_on == tolist(["database-proxy"]) && google_cloud_run_v2_service.function.template[0].containers[1].name == "database-proxy"
    error_message = "The function starts when the proxy is ready."
  }
  assert {
    condition     = google_cloud_run_v2_service.function.template[0].containers[1].args == tolist(["--port=5432", "my-project:europe-west1:photofinish"]) && google_cloud_run_v2_service.function.template[0].containers[1].resources[0].limits == tomap({ cpu = "250m", memory = "256Mi" })
    error_message = "The proxy has the given arguments and size."
  }
  assert {
    condition     = length(google_cloud_run_v2_service.function.template[0].containers[1].ports) == 0
    error_message = "Only the function takes requests."
  }
  assert {
    condition     = google_cloud_run_v2_service.function.template[0].vpc_access[0].egress == "ALL_TRAFFIC" && google_cloud_run_v2_service.function.template[0].vpc_access[0].network_interfaces[0].subnetwork == "sub"
    error_message = "All traffic goes through the network, whose firewall denies most of it."
  }
  assert {
    condition     = toset(keys(google_project_iam_member.connects)) == toset(["roles/cloudsql.client", "roles/cloudsql.instanceUser"])
    error_message = "Logging in needs two roles."
  }
  assert {
    condition     = google_secret_manager_secret_iam_member.reads["PHOTOFINISH_API_KEY_SHA256S"].secret_id == "projects/my-project/secrets/keys" && google_secret_manager_secret_iam_member.reads["PHOTOFINISH_API_KEY_SHA256S"].role == "roles/secretmanager.secretAccessor"
    error_message = "The function may read this secret only."
  }
  assert {
    condition     = google_cloud_run_v2_service_iam_member.deploys["deployer"].role == "projects/my-project/roles/deploys" && google_service_account_iam_member.deploys_as["deployer"].role == "roles/iam.serviceAccountUser"
    error_message = "The deployer may deploy an image to this service."
  }
}

run "long_names_are_refused" {
  command = plan
  module {
    source = "./modules/function-service"
  }
  variables {
    name = "a-name-that-no-account-can-have"
  }
  expect_failures = [var.name]
}

run "wrong_targets_are_refused" {
  command = plan
  module {
    source = "./modules/function-service"
  }
  variables {
    target = "the-api"
  }
  expect_failures = [var.target]
}

run "one_that_calls_the_internet_reaches_no_private_address_past_the_network" {
  command = plan
  module {
    source = "./modules/function-service"
  }
  variables {
    calls_internet = true
    database       = { proxy = { image = "example/proxy", args = [], cpu = "250m", memory = "256Mi" }, network = "net", subnetwork = "sub" }
  }
  assert {
    condition     = google_cloud_run_v2_service.function.template[0].vpc_access[0].egress == "PRIVATE_RANGES_ONLY"
    error_message = "Only public addresses are reached directly; the network's firewall denies private ones."
  }
}

run "wrong_sizes_are_refused" {
  command = plan
  module {
    source = "./modules/function-service"
  }
  variables {
    size = { min_instances = 5, max_instances = 2 }
  }
  expect_failures = [var.size]
}

run "half_a_cpu_is_for_one_request_at_a_time" {
  command = plan
  module {
    source = "./modules/function-service"
  }
  variables {
    size = { cpu = 0.5, concurrency = 20 }
  }
  expect_failures = [var.size]
}

run "half_a_cpu_needs_the_first_generation" {
  command = plan
  module {
    source = "./modules/function-service"
  }
  variables {
    size = { cpu = 0.5, concurrency = 1 }
  }
  assert {
    condition     = google_cloud_run_v2_service.function.template[0].execution_environment == "EXECUTION_ENVIRONMENT_GEN1" && google_cloud_run_v2_service.function.template[0].containers[0].resources[0].limits.cpu == "0.5"
    error_message = "Cloud Run offers less than one CPU in the first generation only."
  }
}

run "wrong_ingress_is_refused" {
  command = plan
  module {
    source = "./modules/function-service"
  }
  variables {
    ingress = "everyone"
  }
  expect_failures = [var.ingress]
}
