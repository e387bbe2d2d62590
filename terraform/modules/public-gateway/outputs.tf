output "address" {
  description = "IP address for the A record of each domain. The certificate is issued once the records are visible."
  value       = google_compute_global_address.front.address
}

output "domains" {
  description = "Host names that the certificate covers. Each needs an A record."
  value       = local.domains
}

output "urls" {
  description = "URL of each function, by path."
  value       = { for path in keys(var.services) : path => "https://${var.domain}${path}" }
}
