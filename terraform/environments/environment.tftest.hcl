# What must hold in every environment. Run once per file:
# terraform test -test-directory=environments -var-file=environments/dev.tfvars

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

run "holds_in_every_environment" {
  command = plan

  assert {
    condition     = strcontains(var.project_id, var.environment)
    error_message = "An environment has its own project, whose ID contains the environment's name."
  }
  assert {
    condition     = !(var.environment == "prod") || (var.deletion_protection && var.database.high_availability && var.budget != null && var.search.exposure == "load_balancer")
    error_message = "Production is protected, available, within a budget, and behind rate limits."
  }
  assert {
    condition     = var.analysis.max_tasks <= 3
    error_message = "A new project has a quota of 3 L4s: raise the quota first, then the limit in this test."
  }
  assert {
    condition     = length(output.services.events) == 10 && length(output.services.http) == 3
    error_message = "Every function has a service."
  }
}
