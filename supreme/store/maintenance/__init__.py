"""`supreme store`: what lies in an output directory, what of it is used, whether it is whole, and how it moves."""
