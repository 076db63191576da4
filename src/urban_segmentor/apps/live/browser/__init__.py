"""The live view as a web page: a small HTTP server with an MJPEG stream."""

from urban_segmentor.apps.live.browser.browser_display import BrowserDisplay

__all__ = ["BrowserDisplay"]
