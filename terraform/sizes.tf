# How much of everything may run at once, and that it fits: Cloud Run's quotas (var.run_quota) and the database's
# connections. A test of the plan adds both up again (tests/e2e/deployment/test_terraform.py).

locals {
  # An event function as a new account can have it; max_instances raises the number of instances of one.
  event_defaults = { cpu = 1, memory_gib = 1, concurrency = 20, timeout_s = 60 }
  event_size = {
    for name, function in local.event_functions : name =>
    merge(local.event_defaults, { max_instances = lookup(var.max_instances, name, 1) }, lookup(function, "size", {}))
  }
  http_defaults = {
    cpu           = 2
    memory_gib    = 2
    concurrency   = 16
    min_instances = var.search.min_instances
    max_instances = var.search.max_instances
    timeout_s     = 60
  }
  http_size = {
    for name, function in local.http_functions : name =>
    merge(local.http_defaults, lookup(function, "size", {}), { for _, count in { (name) = lookup(var.max_instances, name, null) } : "max_instances" => count if count != null })
  }
  # The proxy in the sidecar of a function. Google's sample of a sidecar has a fraction of a CPU, too
  # (GoogleCloudPlatform/cloud-run-samples, multi-container/hello-nginx-sample).
  proxy = { cpu = "250m", memory = "256Mi" }
  # No document shows a fraction of a CPU beside a GPU.
  task_proxy = { cpu = "1", memory = "512Mi" }

  # --- Cloud Run: what everything that may run at the same time needs in the region ---

  functions = merge(local.event_functions, local.http_functions)
  size      = merge(local.event_size, local.http_size)
  # vCPUs and GiB of all instances of a function, the proxy included.
  function_demand = {
    for name, function in local.functions : name => {
      count      = local.size[name].max_instances
      cpu        = local.size[name].cpu + (contains(function.uses, "database") ? 0.25 : 0)
      memory_gib = local.size[name].memory_gib + (contains(function.uses, "database") ? 0.25 : 0)
      l4         = 0
    }
  }
  # These run only now and then, so they count as one, the largest. Where two of them and everything else run at the same
  # time, Cloud Run has no instance for one: Pub/Sub delivers its message again, and a missed run of a schedule does no harm.
  occasional = ["on-dead-letter", "reconcile", "rescore-bibs", "expire"]
  demands = concat(
    [for name, demand in local.function_demand : demand if !contains(local.occasional, name)],
    [{
      count      = 1
      cpu        = max([for name in local.occasional : local.function_demand[name].count * local.function_demand[name].cpu]...)
      memory_gib = max([for name in local.occasional : local.function_demand[name].count * local.function_demand[name].memory_gib]...)
      l4         = 0
    }],
    # With processor = auto there are two jobs, whose tasks share max_tasks.
    [
      { count = var.analysis.max_tasks, cpu = var.analysis.cpu + 1, memory_gib = var.analysis.memory_gib + 0.5, l4 = var.analysis.processor != "cpu" && var.analysis.accelerator == "nvidia-l4" ? 1 : 0 },
      { count = 1, cpu = 1.25, memory_gib = 1.25, l4 = 0 }, # migrate
    ],
  )
  run_demand = {
    vcpu       = sum([for demand in local.demands : demand.count * demand.cpu])
    memory_gib = sum([for demand in local.demands : demand.count * demand.memory_gib])
    l4         = sum([for demand in local.demands : demand.count * demand.l4])
  }

  # --- connections to the database ---

  # Class Database in shared/photofinish/adapters/postgres/database.py: the pool of a process. A function has a process for
  # each CPU, and a deploy runs the old and the new revision side by side.
  pool_size = 4
  processes = { for name, function in local.functions : name => contains(function.uses, "database") ? local.size[name].max_instances * local.size[name].cpu : 0 }
  connections = {
    needed = local.pool_size * (
      2 * sum([for name, count in local.processes : count if !contains(local.occasional, name)])
      + 2 * max([for name in local.occasional : local.processes[name]]...)
      + var.analysis.max_tasks
    ) + 1 # migrate
    # Three for superusers (superuser_reserved_connections), Cloud SQL's own, and a person who looks.
    reserved = 20
  }
}

variable "max_instances" {
  description = "Most instances of an event function or of `live`, by its name, where one is not enough: for example { on-object-finalized = 5 } when thousands of photos arrive in a minute, { live = 3 } for 3,000 live streams. Search has search.max_instances."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for name, count in var.max_instances : contains(concat(keys(local.event_functions), ["live"]), name) && count >= 1])
    error_message = "max_instances must name `live` or event functions (${join(", ", keys(local.event_functions))}), each with at least 1 instance."
  }
}

variable "run_quota" {
  description = "Cloud Run's quotas of the project in the region: vCPUs, GiB of memory, L4s without zonal redundancy. The defaults are those of a new account. Set what Google granted you (docs/deploy.md), then raise max_instances, search.max_instances and analysis.max_tasks."
  type = object({
    vcpu       = optional(number, 20)
    memory_gib = optional(number, 40)
    l4         = optional(number, 3)
  })
  default = {}

  validation {
    condition     = local.run_demand.vcpu <= var.run_quota.vcpu
    error_message = "All functions and tasks together may use ${local.run_demand.vcpu} vCPUs, more than run_quota.vcpu = ${var.run_quota.vcpu}. Lower max_instances, search.max_instances or analysis.max_tasks; or request a quota (docs/deploy.md) and set run_quota."
  }
  validation {
    condition     = local.run_demand.memory_gib <= var.run_quota.memory_gib
    error_message = "All functions and tasks together may use ${local.run_demand.memory_gib} GiB, more than run_quota.memory_gib = ${var.run_quota.memory_gib}. Lower max_instances, search.max_instances or analysis.max_tasks; or request a quota (docs/deploy.md) and set run_quota."
  }
  validation {
    condition     = local.run_demand.l4 <= var.run_quota.l4 || var.analysis.processor == "auto"
    error_message = "Tasks may use ${local.run_demand.l4} L4s, more than run_quota.l4 = ${var.run_quota.l4}. Lower analysis.max_tasks; request a quota (docs/deploy.md) and set run_quota; or set analysis.processor = \"auto\", and tasks run without GPU where there is no quota."
  }
}
