# State addresses from before the functions were created from maps.

moved {
  from = module.on_object_finalized
  to   = module.event_function["on-object-finalized"]
}

moved {
  from = module.launch_workers
  to   = module.event_function["launch-workers"]
}

moved {
  from = module.on_dead_letter
  to   = module.event_function["on-dead-letter"]
}

moved {
  from = module.reconcile
  to   = module.event_function["reconcile"]
}

moved {
  from = module.cluster_people
  to   = module.event_function["cluster-people"]
}

moved {
  from = module.on_enrolment_finalized
  to   = module.event_function["on-enrolment-finalized"]
}

moved {
  from = module.expire
  to   = module.event_function["expire"]
}

moved {
  from = module.http
  to   = module.http_function
}
