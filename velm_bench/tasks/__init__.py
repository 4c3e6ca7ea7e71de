"""What is measured: the Task, the registry of tasks, and one module per kind."""
