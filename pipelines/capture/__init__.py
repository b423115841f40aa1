"""The capture room: archives on disk and live crawls go in; capture, rights, robots and licence rows come out."""
