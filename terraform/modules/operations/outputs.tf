output "alerts" {
  description = "Names of the alerts, as docs/runbook.md has them."
  value       = sort(concat(keys(local.alerts), ["error-rate", "upload-to-result"], var.health_url == null ? [] : ["search-down"], var.budget == null ? [] : ["budget"]))
}
