output "connection" {
  description = "What a function or a job needs to connect: the `database` variable of their modules."
  value = {
    connection_name = google_sql_database_instance.postgres.connection_name
    proxy_image     = var.proxy_image
    network         = google_compute_network.private.id
    subnetwork      = google_compute_subnetwork.run.id
  }

  # The database and the network's connection must be there before anybody connects.
  depends_on = [google_sql_database.photofinish]
}

output "instance" {
  description = "Name of the instance."
  value       = google_sql_database_instance.postgres.name
}

output "owner_url" {
  description = "DATABASE_URL of the owner, through the proxy beside the task. It holds no password."
  value       = "host=127.0.0.1 port=5432 dbname=${local.database} user=${local.user_of["owner"]} sslmode=disable"
}

output "migration_job" {
  description = "Name of the job that brings the schema up to date."
  value       = google_cloud_run_v2_job.migrate.name
}
