"""How weights move: pretraining, reward models, reinforcement learning."""
