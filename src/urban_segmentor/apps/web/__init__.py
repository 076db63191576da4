"""The web app: images, videos and the visitor's camera in the browser, and a REST API."""
