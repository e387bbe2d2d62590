output "alerts" {
  description = "Names of the alerts; each is a section of docs/runbook.md."
  value       = sort(concat(keys(local.alerts), ["audit-not-anchored", "error-rate", "upload-to-result"], var.health_url == null ? [] : ["search-down"], var.budget == null ? [] : ["budget"]))
}
