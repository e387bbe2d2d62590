# The required settings only.
project_id   = "my-races-dev"
region       = "europe-west1"
environment  = "dev"
alert_emails = { me = "me@example.com" }
