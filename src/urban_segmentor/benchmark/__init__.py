"""How fast each format of a model runs here, and which of them may be trusted."""
