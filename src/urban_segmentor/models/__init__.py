"""Model files: embedded, local or on the Hugging Face hub, and their metadata."""
