"""What is seen now: cameras, streams, the screen, and files at their own pace."""
