"""The page of the app, made with Gradio."""
