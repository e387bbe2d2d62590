# The database: private, backed up, without passwords.

mock_provider "google" {
  mock_resource "google_sql_database_instance" {
    defaults = { connection_name = "my-project:europe-west1:photofinish" }
  }
}

variables {
  project_id = "my-project"
  region     = "europe-west1"
  owner      = { name = "projects/my-project/serviceAccounts/job", email = "job-analyze@my-project.iam.gserviceaccount.com", member = "serviceAccount:job-analyze@my-project.iam.gserviceaccount.com" }
  users      = { api = { email = "fn-api@my-project.iam.gserviceaccount.com", rights = "api" } }
  proxy      = { image = "example/proxy" }
  migration  = { image = "example/functions", env = { GOOGLE_CLOUD_PROJECT = "my-project" } }
}

run "defaults" {
  module {
    source = "./modules/vector-database"
  }

  assert {
    condition     = !google_sql_database_instance.postgres.settings[0].ip_configuration[0].ipv4_enabled && google_sql_database_instance.postgres.settings[0].ip_configuration[0].ssl_mode == "TRUSTED_CLIENT_CERTIFICATE_REQUIRED" && google_sql_database_instance.postgres.settings[0].connector_enforcement == "REQUIRED"
    error_message = "The database has no public address, and accepts authenticated connectors only."
  }
  assert {
    condition     = google_sql_database_instance.postgres.settings[0].backup_configuration[0].enabled && google_sql_database_instance.postgres.settings[0].backup_configuration[0].point_in_time_recovery_enabled && google_sql_database_instance.postgres.settings[0].backup_configuration[0].transaction_log_retention_days == 7 && google_sql_database_instance.postgres.settings[0].backup_configuration[0].backup_retention_settings[0].retained_backups == 14
    error_message = "Any moment of the last week and 14 daily backups can be restored."
  }
  assert {
    condition     = google_sql_database_instance.postgres.deletion_protection && google_sql_database_instance.postgres.settings[0].deletion_protection_enabled && google_sql_database_instance.postgres.settings[0].retain_backups_on_delete
    error_message = "Terraform and Cloud SQL both protect it, and backups outlive it."
  }
  assert {
    condition     = { for flag in google_sql_database_instance.postgres.settings[0].database_flags : flag.name => flag.value if contains(["cloudsql.iam_authentication", "maintenance_work_mem", "max_parallel_maintenance_workers"], flag.name) } == { "cloudsql.iam_authentication" = "on", "maintenance_work_mem" = "1048576", "max_parallel_maintenance_workers" = "2" }
    error_message = "Clients log in by IAM, and HNSW builds get 1 GiB and two workers."
  }
  assert {
    condition     = google_sql_database_instance.postgres.settings[0].insights_config[0].query_insights_enabled && !google_sql_database_instance.postgres.settings[0].insights_config[0].record_client_address
    error_message = "Query insights are on, without client addresses."
  }
  assert {
    condition     = google_sql_user.owner.name == "job-analyze@my-project.iam" && google_sql_user.owner.type == "CLOUD_IAM_SERVICE_ACCOUNT" && google_sql_user.owner.password == null
    error_message = "The job's service account owns the tables, and has no password."
  }
  assert {
    condition     = google_sql_user.user["api"].name == "fn-api@my-project.iam" && google_sql_user.user["api"].database_roles == null
    error_message = "Functions start without rights in the database."
  }
  assert {
    condition     = google_cloud_run_v2_job.migrate.template[0].template[0].containers[0].args == tolist(["migrate", "--grant=api:fn-api@my-project.iam"])
    error_message = "Every migration grants the functions their rights."
  }
  assert {
    condition     = google_sql_user.user["api"].deletion_policy == "ABANDON" && google_sql_user.owner.deletion_policy == "ABANDON"
    error_message = "Postgres refuses to drop users that own or were granted something."
  }
  assert {
    condition     = output.owner_url == "host=127.0.0.1 port=5432 dbname=photofinish user=job-analyze@my-project.iam sslmode=disable" && output.connection.proxy.image == "example/proxy"
    error_message = "The job connects through the proxy in its sidecar."
  }
}

run "migrations" {
  module {
    source = "./modules/vector-database"
  }
  variables {
    deployers = { deployer = { member = "serviceAccount:deployer", role = "projects/my-project/roles/migrates" } }
  }

  assert {
    condition     = google_cloud_run_v2_job.migrate.template[0].template[0].containers[0].command == tolist(["photofinish"]) && google_cloud_run_v2_job.migrate.template[0].template[0].containers[0].args[0] == "migrate" && google_cloud_run_v2_job.migrate.template[0].template[0].max_retries == 0
    error_message = "The job runs `photofinish migrate`, once."
  }
  assert {
    condition     = google_cloud_run_v2_job.migrate.template[0].template[0].service_account == "job-analyze@my-project.iam.gserviceaccount.com" && google_cloud_run_v2_job.migrate.template[0].template[0].containers[0].depends_on == tolist(["database-proxy"])
    error_message = "It runs as the owner, with the proxy."
  }
  assert {
    condition     = google_cloud_run_v2_job_iam_member.deploys["deployer"].role == "projects/my-project/roles/migrates"
    error_message = "The deployer may run migrations."
  }
}

run "options" {
  module {
    source = "./modules/vector-database"
  }
  variables {
    instance            = { high_availability = true, maintenance_work_mem_mib = 4096, version = "POSTGRES_17" }
    deletion_protection = false
    kms_key             = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
  }

  assert {
    condition     = google_sql_database_instance.postgres.settings[0].availability_type == "REGIONAL" && google_sql_database_instance.postgres.database_version == "POSTGRES_17" && google_sql_database_instance.postgres.encryption_key_name == var.kms_key
    error_message = "Availability, version and key are applied."
  }
  assert {
    condition     = !google_sql_database_instance.postgres.deletion_protection && !google_sql_database_instance.postgres.settings[0].deletion_protection_enabled
    error_message = "One variable removes both kinds of protection."
  }
}

run "connections_by_memory" {
  module {
    source = "./modules/vector-database"
  }
  variables {
    instance = { tier = "db-custom-1-3840" }
  }

  assert {
    condition     = output.max_connections == 100 && one([for flag in google_sql_database_instance.postgres.settings[0].database_flags : flag.value if flag.name == "max_connections"]) == "100"
    error_message = "Without a choice the database accepts what Cloud SQL allows for its memory."
  }
  assert {
    condition     = alltrue([for flag in ["--auto-iam-authn", "--private-ip", "--lazy-refresh", "my-project:europe-west1:photofinish"] : contains(output.connection.proxy.args, flag)]) && google_cloud_run_v2_job.migrate.template[0].template[0].containers[1].args == tolist(output.connection.proxy.args)
    error_message = "Every proxy logs in as its service account, on the private address, and renews certificates when they are needed."
  }
}

run "more_connections_than_memory_are_refused" {
  command = plan
  module {
    source = "./modules/vector-database"
  }
  variables {
    instance = { tier = "db-custom-1-3840", max_connections = 200 }
  }
  expect_failures = [google_sql_database_instance.postgres]
}

run "shared_cores_are_refused" {
  command = plan
  module {
    source = "./modules/vector-database"
  }
  variables {
    instance = { tier = "db-f1-micro" }
  }
  expect_failures = [var.instance]
}

run "fewer_backups_than_days_are_refused" {
  command = plan
  module {
    source = "./modules/vector-database"
  }
  variables {
    backup = { keep = 3, point_in_time_days = 7 }
  }
  expect_failures = [var.backup]
}

run "small_networks_are_refused" {
  command = plan
  module {
    source = "./modules/vector-database"
  }
  variables {
    network_range = "10.0.0.0/28"
  }
  expect_failures = [var.network_range]
}

run "unknown_rights_are_refused" {
  command = plan
  module {
    source = "./modules/vector-database"
  }
  variables {
    users = { api = { email = "fn-api@my-project.iam.gserviceaccount.com", rights = "everything" } }
  }
  expect_failures = [var.users]
}

run "egress_is_denied" {
  module {
    source = "./modules/vector-database"
  }

  assert {
    condition     = google_compute_firewall.denies.direction == "EGRESS" && google_compute_firewall.denies.destination_ranges == toset(["0.0.0.0/0"]) && one(google_compute_firewall.denies.deny).protocol == "all" && google_compute_firewall.denies.target_tags == null
    error_message = "Everything that leaves the network is denied."
  }
  assert {
    condition     = google_compute_firewall.google_apis.destination_ranges == toset(["199.36.153.4/30"]) && google_compute_firewall.google_apis.priority < google_compute_firewall.denies.priority && one(google_compute_firewall.google_apis.allow).ports == tolist(["443"])
    error_message = "But Google's APIs are reached."
  }
  assert {
    condition     = google_compute_firewall.database.priority < google_compute_firewall.denies.priority && one(google_compute_firewall.database.allow).ports == tolist(["3307"])
    error_message = "And the database, through its proxy."
  }
  assert {
    condition     = google_dns_record_set.restricted.rrdatas == tolist(["199.36.153.4", "199.36.153.5", "199.36.153.6", "199.36.153.7"]) && google_dns_record_set.google_apis.name == "*.googleapis.com." && google_dns_managed_zone.google_apis.visibility == "private"
    error_message = "Names of Google's APIs lead to the addresses that are allowed."
  }
  assert {
    condition     = google_cloud_run_v2_job.migrate.template[0].template[0].vpc_access[0].egress == "ALL_TRAFFIC"
    error_message = "The migration job is denied the same."
  }
  assert {
    condition     = length(google_compute_firewall.public_keys) == 0 && length(google_dns_record_set.public_keys) == 0 && output.public_keys_tag == null
    error_message = "Without Firebase users nothing reads Google's public keys."
  }
}

run "firebase_users" {
  module {
    source = "./modules/vector-database"
  }
  variables {
    serves_firebase_users = true
  }

  assert {
    condition     = google_compute_firewall.public_keys[0].target_tags == toset([output.public_keys_tag]) && google_compute_firewall.public_keys[0].destination_ranges == toset(["199.36.153.8/30"])
    error_message = "Only what checks their tokens reaches the addresses that serve every Google API."
  }
  assert {
    condition     = google_dns_record_set.public_keys[0].name == "www.googleapis.com." && google_dns_record_set.public_keys[0].rrdatas[0] == "199.36.153.8"
    error_message = "The keys are at www.googleapis.com."
  }
}
