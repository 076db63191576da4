"""What the live page and the web app share: sockets, the server, who may come, sizes of bodies."""
