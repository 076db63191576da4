"""The folder that runs the app on Hugging Face Spaces, and how it gets there."""
