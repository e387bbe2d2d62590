# The least that must be decided; tested by tests/root.tftest.hcl.
module "photofinish" {
  source = "../.."

  project_id   = "my-race-photos"
  region       = "europe-west1"
  environment  = "dev"
  alert_emails = { me = "me@example.com" }
}

output "drop_photos_here" {
  description = "Copy photos to gs://this/ALBUM/."
  value       = module.photofinish.photo_bucket
}
