"""Building and publishing the app as a Hugging Face Space."""
