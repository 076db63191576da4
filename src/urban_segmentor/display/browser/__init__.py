"""Live pictures on a page in the browser, served by this program alone."""

from urban_segmentor.display.browser.browser import BrowserDisplay

__all__ = ["BrowserDisplay"]
