"""What `supreme tune` has searched, as figures and a page."""
