"""The demo: a web app for pictures, videos and the visitor's camera."""
