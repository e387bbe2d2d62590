"""What `photofinish preflight` checks before a deployment.

`needs` reads from terraform/ what the deployment needs, `google_apis` is the only module that calls Google Cloud. Each
module named after a theme (`project`, `access`, `quotas`, `policies`, `storage`, …) decides, by pure functions over an
API's answer, and lists its checks in `CHECKS`. `running` runs them all.
"""
