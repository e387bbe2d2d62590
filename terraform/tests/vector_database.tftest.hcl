# The database: private, backed up, without passwords.

mock_provider "google" {
  mock_resource "google_sql_database_instance" {
    defaults = { connection_name = "my-project:europe-west1:photofinish" }
  }
}

variables {
  project_id  = "my-project"
  region      = "europe-west1"
  owner       = { name = "projects/my-project/serviceAccounts/job", email = "job-analyze@my-project.iam.gserviceaccount.com", member = "serviceAccount:job-analyze@my-project.iam.gserviceaccount.com" }
  users       = { api = "fn-api@my-project.iam.gserviceaccount.com" }
  proxy_image = "example/proxy"
  migration   = { image = "example/functions", env = { GOOGLE_CLOUD_PROJECT = "my-project" } }
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
    condition     = google_sql_user.user["api"].name == "fn-api@my-project.iam" && google_sql_user.user["api"].database_roles == tolist(["pg_read_all_data", "pg_write_all_data"])
    error_message = "Functions read and write rows, and own nothing."
  }
  assert {
    condition     = output.owner_url == "host=127.0.0.1 port=5432 dbname=photofinish user=job-analyze@my-project.iam sslmode=disable" && output.connection.connection_name == "my-project:europe-west1:photofinish"
    error_message = "The job connects through the proxy in its sidecar."
  }
}

run "migrations" {
  module {
    source = "./modules/vector-database"
  }
  variables {
    deployers = { deployer = "serviceAccount:deployer" }
  }

  assert {
    condition     = google_cloud_run_v2_job.migrate.template[0].template[0].containers[0].command == tolist(["photofinish"]) && google_cloud_run_v2_job.migrate.template[0].template[0].containers[0].args == tolist(["migrate"]) && google_cloud_run_v2_job.migrate.template[0].template[0].max_retries == 0
    error_message = "The job runs `photofinish migrate`, once."
  }
  assert {
    condition     = google_cloud_run_v2_job.migrate.template[0].template[0].service_account == "job-analyze@my-project.iam.gserviceaccount.com" && google_cloud_run_v2_job.migrate.template[0].template[0].containers[0].depends_on == tolist(["database-proxy"])
    error_message = "It runs as the owner, with the proxy."
  }
  assert {
    condition     = google_cloud_run_v2_job_iam_member.deploys["deployer"].role == "roles/run.developer"
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
