"""Language models: tiny ones from scratch, and any of the Hugging Face hub, as planners and judges."""
