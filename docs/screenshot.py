"""A page's first screen as a PNG: python docs/screenshot.py results/report.html docs/page.png"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

page_file, picture = map(Path, sys.argv[1:])
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(
        executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
    )
    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    page.goto(page_file.resolve().as_uri())
    page.screenshot(path=picture)
    browser.close()
