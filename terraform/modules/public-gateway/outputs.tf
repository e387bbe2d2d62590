output "address" {
  description = "Where the domain's A record must point; the certificate is issued once it does."
  value       = google_compute_global_address.front.address
}

output "domains" {
  description = "Host names that the certificate covers; each needs an A record."
  value       = local.domains
}

output "urls" {
  description = "Address of each function, by path."
  value       = { for path in keys(var.services) : path => "https://${var.domain}${path}" }
}
