output "photo_bucket" {
  description = "Name of the bucket that photographers drop photos into."
  value       = google_storage_bucket.photos.name
}

output "derived_bucket" {
  description = "Name of the bucket of sidecars and previews."
  value       = google_storage_bucket.derived.name
}
