output "connection" {
  description = "Value for the `database` variable of the function and job modules."
  value = {
    proxy      = merge(var.proxy, { args = local.proxy_args })
    network    = google_compute_network.private.id
    subnetwork = google_compute_subnetwork.run.id
  }

  # The database, the network peering, and the ways to Google's APIs must exist before a client connects; and the rule that
  # denies all others, before anything runs.
  depends_on = [
    google_sql_database.photofinish,
    google_compute_firewall.denies,
    google_compute_firewall.google_apis,
    google_compute_firewall.database,
    google_dns_record_set.restricted,
    google_dns_record_set.google_apis,
  ]
}

output "public_keys_tag" {
  description = "Network tag of what reads Google's public keys; null where `serves_firebase_users` is false."
  value       = var.serves_firebase_users ? local.reads_public_keys : null

  depends_on = [google_compute_firewall.public_keys, google_dns_record_set.public_keys]
}

output "instance" {
  description = "Name of the instance."
  value       = google_sql_database_instance.postgres.name
}

output "owner_url" {
  description = "DATABASE_URL of the owner, through the proxy in a sidecar. It contains no password."
  value       = "host=127.0.0.1 port=5432 dbname=${local.database} user=${local.user_of["owner"]} sslmode=disable"
}

output "max_connections" {
  description = "Connections that the database accepts, those that Postgres and Cloud SQL keep for themselves included."
  value       = local.max_connections
}

output "migration_job" {
  description = "Name of the job that migrates the schema."
  value       = google_cloud_run_v2_job.migrate.name
}
