output "connection" {
  description = "Value for the `database` variable of the function and job modules."
  value = {
    connection_name = google_sql_database_instance.postgres.connection_name
    proxy_image     = var.proxy_image
    network         = google_compute_network.private.id
    subnetwork      = google_compute_subnetwork.run.id
  }

  # The database and the network peering must exist before a client connects.
  depends_on = [google_sql_database.photofinish]
}

output "instance" {
  description = "Name of the instance."
  value       = google_sql_database_instance.postgres.name
}

output "owner_url" {
  description = "DATABASE_URL of the owner, through the proxy in a sidecar. It contains no password."
  value       = "host=127.0.0.1 port=5432 dbname=${local.database} user=${local.user_of["owner"]} sslmode=disable"
}

output "migration_job" {
  description = "Name of the job that migrates the schema."
  value       = google_cloud_run_v2_job.migrate.name
}
