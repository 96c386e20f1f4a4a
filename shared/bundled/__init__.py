"""The embedded default: scenes rendered by this project, the training, the weights and their model card."""
