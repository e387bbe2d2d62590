# Schedules, alerts, objectives, the dashboard and the budget.

module "operations" {
  source = "./modules/operations"

  project_id         = module.foundation.project_id
  region             = var.region
  service_agents     = module.foundation.service_agents
  alert_emails       = var.alert_emails
  thresholds         = { upload_to_result_p95_s = var.analysis.upload_to_result_p95_s }
  search_objectives  = { availability = var.search.availability_share, latency_ms = var.search.latency_p95_ms }
  budget             = var.budget
  stop_subscriptions = module.event_function["launch-workers"].subscriptions
  health_url = (
    var.search.exposure == "load_balancer" ? "https://${var.search.domain}/v1/health" :
    var.search.exposure == "direct" ? "${module.http_function["api"].uri}/v1/health" : null
  )

  schedules = {
    photofinish-sweep = {
      topic       = local.topic["sweep"]
      cron        = var.schedules.sweep
      description = "Start analysis of photos that are still queued."
    }
    photofinish-reconcile = {
      topic       = local.topic["reconcile"]
      cron        = var.schedules.reconcile
      description = "Queue photos of the last 24 hours whose event was lost."
    }
    photofinish-reconcile-all = {
      topic       = local.topic["reconcile"]
      cron        = var.schedules.reconcile_all
      body        = "{\"full\": true}"
      description = "Queue photos of any age whose event was lost."
    }
    photofinish-people-sweep = {
      topic       = local.topic["people_sweep"]
      cron        = var.schedules.people_sweep
      description = "Cluster albums and process enrolment pictures whose event was lost."
    }
    photofinish-people-sweep-all = {
      topic       = local.topic["people_sweep"]
      cron        = var.schedules.people_sweep_all
      body        = "{\"full\": true}"
      description = "Cluster every album again."
    }
    photofinish-retention = {
      topic       = local.topic["retention"]
      cron        = var.schedules.retention
      description = "Erase albums that ended, needless originals, and audit entries past their retention."
    }
    photofinish-retention-all = {
      topic       = local.topic["retention"]
      cron        = var.schedules.retention_all
      body        = "{\"full\": true}"
      description = "The same, and erase the results of deleted photos whose event was lost."
    }
    photofinish-webhooks = {
      topic       = local.topic["webhooks"]
      cron        = var.schedules.webhooks
      description = "Relay events to webhooks, and retry deliveries that are due."
    }
  }
  watched = {
    dead_letter_sources = concat(values(module.gpu_job.work_subscriptions), flatten([
      for function in values(local.event_functions) : [
        for name, subscription in function.subscriptions : name if can(subscription.dead_letter_topic)
      ]
    ]))
    work_subscriptions = module.gpu_job.work_subscriptions
    jobs               = values(module.gpu_job.names)
    event_services     = keys(module.event_function)
    # A live stream's time is that of its connection, so it says nothing about how fast searches are.
    search_services = [for name in keys(module.http_function) : name if name != "live"]
    database        = module.vector_database.instance
  }
}
