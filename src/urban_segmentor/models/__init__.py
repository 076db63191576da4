"""Which model is meant: the embedded one, a path, or a file on the Hugging Face hub."""
