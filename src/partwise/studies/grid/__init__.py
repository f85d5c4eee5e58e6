"""What studies share: cells and runs side by side, resumable; arms; figures over seeds."""
