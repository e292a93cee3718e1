"""Background jobs: queue, worker, estimates."""
