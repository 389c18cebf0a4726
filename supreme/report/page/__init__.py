"""The page: one HTML file of a sweep."""
