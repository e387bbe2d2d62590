terraform {
  required_version = ">= 1.11, < 2"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 8.7"
    }
    # modules/function-service uses it; named here so that tests can mock it.
    time = {
      source  = "hashicorp/time"
      version = "~> 0.13"
    }
  }
}
