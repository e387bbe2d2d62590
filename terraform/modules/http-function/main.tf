# A function that callers reach over HTTP. The function checks API keys itself; `exposure` limits who can reach it.

module "service" {
  source = "../function-service"

  project_id          = var.project_id
  region              = var.region
  name                = var.name
  target              = var.target
  image               = var.image
  env                 = var.env
  secret_env          = var.secret_env
  size                = var.size
  database            = var.database
  ingress             = var.exposure == "load_balancer" ? "load_balancer" : "all"
  open_to_everyone    = var.exposure != "private" && var.invoker_iam_disabled
  network_tags        = var.network_tags
  deployers           = var.deployers
  kms_key             = var.kms_key
  deletion_protection = var.deletion_protection
}

resource "google_cloud_run_v2_service_iam_member" "invoker" {
  for_each = var.exposure == "private" ? var.invokers : var.invoker_iam_disabled ? {} : { everyone = "allUsers" }

  project  = var.project_id
  location = var.region
  name     = module.service.name
  role     = "roles/run.invoker"
  member   = each.value
}

resource "google_service_account_iam_member" "signs" {
  count = var.signs_links ? 1 : 0

  service_account_id = module.service.account
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = module.service.member
}

resource "google_project_iam_member" "role" {
  for_each = var.project_roles

  project = var.project_id
  role    = each.key
  member  = module.service.member
}

resource "google_pubsub_topic_iam_member" "publishes" {
  for_each = var.publishes_to

  project = var.project_id
  topic   = each.value
  role    = "roles/pubsub.publisher"
  member  = module.service.member
}
