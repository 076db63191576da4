"""Live pictures on a page in the browser, served by this program alone."""

from urban_segmentor.apps.live.browser.browser import BrowserDisplay

__all__ = ["BrowserDisplay"]
