# Plans the examples of all module READMEs together; check.sh copies them into one root module.

mock_provider "google" {}
mock_provider "google-beta" {}
mock_provider "time" {}

run "examples_are_planned" {
  command = plan
}
