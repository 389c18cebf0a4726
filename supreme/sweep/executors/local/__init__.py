"""Worker processes on the devices of this machine."""
