terraform {
  required_version = ">= 1.11, < 2"

  # The bucket is named at init: terraform init -backend-config="bucket=NAME" -backend-config="prefix=ENVIRONMENT"
  backend "gcs" {}

  # Exact versions, so that an apply and the plan of a build never differ by the provider, also where the lock file is missing.
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "8.7.0"
    }
    google-beta = {
      source  = "hashicorp/google-beta"
      version = "8.7.0"
    }
    time = {
      source  = "hashicorp/time"
      version = "0.13.1"
    }
  }
}

provider "google" {
  project               = var.project_id
  region                = var.region
  default_labels        = local.labels
  user_project_override = true
  billing_project       = var.project_id
}

provider "google-beta" {
  project               = var.project_id
  region                = var.region
  default_labels        = local.labels
  user_project_override = true
  billing_project       = var.project_id
}
