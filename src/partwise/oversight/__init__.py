"""Who supervises: humans, and the proxy that stands in for them."""
