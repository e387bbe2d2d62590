# The environment that runners and photographers use.
project_id   = "photofinish-prod"
region       = "europe-west1"
environment  = "prod"
alert_emails = { operator = "operator@example.com" }

# What Google granted on request; a new account has far less (docs/deploy.md).
run_quota = {
  vcpu       = 60
  memory_gib = 120
  l4         = 3
}

max_instances = {
  on-object-finalized    = 10
  cluster-people         = 3
  on-enrolment-finalized = 3
}

analysis = {
  processor = "gpu"
  max_tasks = 3
}

search = {
  exposure           = "load_balancer"
  domain             = "search.example.com"
  rekognition_domain = "rekognition.example.com"
  min_instances      = 1
  max_instances      = 4
}

database = {
  tier                     = "db-custom-4-16384"
  disk_gib                 = 50
  high_availability        = true
  maintenance_work_mem_mib = 4096
}

budget = {
  billing_account = "012345-6789AB-CDEF01"
  amount          = 500
  stop_at         = 1
}
