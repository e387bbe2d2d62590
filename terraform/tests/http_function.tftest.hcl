# Who may call an HTTP function.

mock_provider "google" {}
mock_provider "time" {}

variables {
  project_id = "my-project"
  region     = "europe-west1"
  name       = "api"
  target     = "api"
  image      = "example/functions"
  env        = {}
}

run "private_is_the_default" {
  module {
    source = "./modules/http-function"
  }
  variables {
    invokers = { app = "serviceAccount:app@my-project.iam.gserviceaccount.com" }
  }

  assert {
    condition     = [for binding in google_cloud_run_v2_service_iam_member.invoker : binding.member] == ["serviceAccount:app@my-project.iam.gserviceaccount.com"]
    error_message = "Only the listed members may call a private function."
  }
}

run "no_invokers_by_default" {
  module {
    source = "./modules/http-function"
  }

  assert {
    condition     = length(google_cloud_run_v2_service_iam_member.invoker) == 0
    error_message = "Without invokers no member may call a private function."
  }
}

run "behind_a_load_balancer" {
  module {
    source = "./modules/http-function"
  }
  variables {
    exposure = "load_balancer"
  }

  assert {
    condition     = google_cloud_run_v2_service_iam_member.invoker["everyone"].member == "allUsers" && google_cloud_run_v2_service_iam_member.invoker["everyone"].role == "roles/run.invoker"
    error_message = "Everyone may call it,"
  }
  assert {
    condition     = module.service.ingress == "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
    error_message = "but only through the load balancer."
  }
}

run "direct" {
  module {
    source = "./modules/http-function"
  }
  variables {
    exposure = "direct"
  }

  assert {
    condition     = google_cloud_run_v2_service_iam_member.invoker["everyone"].member == "allUsers" && module.service.ingress == "INGRESS_TRAFFIC_ALL"
    error_message = "Everyone may call it, at its own URL."
  }
}

run "open_without_naming_everyone" {
  module {
    source = "./modules/http-function"
  }
  variables {
    exposure             = "direct"
    invoker_iam_disabled = true
  }

  assert {
    condition     = length(google_cloud_run_v2_service_iam_member.invoker) == 0 && module.service.open_to_everyone
    error_message = "Where allUsers is refused, Cloud Run does not check callers."
  }
}

run "a_private_function_stays_private" {
  module {
    source = "./modules/http-function"
  }
  variables {
    invoker_iam_disabled = true
  }

  assert {
    condition     = !module.service.open_to_everyone
    error_message = "Only an exposure to everyone opens a function."
  }
}

run "signing_links" {
  module {
    source = "./modules/http-function"
  }
  variables {
    signs_links = true
  }

  assert {
    condition     = google_service_account_iam_member.signs[0].role == "roles/iam.serviceAccountTokenCreator" && google_service_account_iam_member.signs[0].service_account_id == module.service.account && google_service_account_iam_member.signs[0].member == module.service.member
    error_message = "It may sign as itself only."
  }
}

run "all_users_as_invokers_are_refused" {
  command = plan
  module {
    source = "./modules/http-function"
  }
  variables {
    invokers = { all = "allUsers" }
  }
  expect_failures = [var.invokers]
}

run "unknown_exposure_is_refused" {
  command = plan
  module {
    source = "./modules/http-function"
  }
  variables {
    exposure = "public"
  }
  expect_failures = [var.exposure]
}
