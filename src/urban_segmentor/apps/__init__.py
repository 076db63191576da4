"""What people look at: live pictures, the web app, and the app as a Space."""
