"""What people see of a sweep: its progress, its state, its end."""
