"""Both pages in headless Chromium, as their readers use them."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import ROOT
from PIL import Image
from playwright.sync_api import sync_playwright
from test_own_images import config, encoded, write

CHROMIUM = shutil.which("chromium")
MODULES = ROOT / "tests/browser/node_modules"
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PAGES = ("report", "explorer")
LOADED = "[...pictures.values()].every((picture) => picture.complete)"

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs Debian's chromium on the path")


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield running
        running.close()


@pytest.fixture
def open_page(browser, finished):
    """Opens a page of the finished tiny run; in the end, it must have asked for nothing and
    complained of nothing."""
    contexts, asked, said = [], [], []

    def opened(name: str, width: int = 1440, scheme: str = "light"):
        size = {"width": width, "height": 900}
        context = browser.new_context(viewport=size, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto((finished.folder / f"results/{name}.html").as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not said
    assert {url.partition(":")[0] for url in asked} <= {"file", "data"}
    assert len([url for url in asked if url.startswith("file:")]) == len(contexts)


def rows_shown(page) -> int:
    return page.locator("#claims-table tbody tr").count()


def test_claims_are_searched_filtered_and_sorted(open_page):
    page = open_page("report")
    everything = rows_shown(page)
    page.locator("#claims input").fill("slerp")
    assert 0 < rows_shown(page) < everything
    assert all(
        "slerp" in text.lower() for text in page.locator("#claims-table tbody tr").all_inner_texts()
    )
    page.locator("#claims").get_by_role("button", name="Show all").click()
    page.wait_for_function(
        f"document.querySelectorAll('#claims-table tbody tr').length == {everything}"
    )
    page.locator("#claims select[name=study]").select_option("B")
    page.locator("#claims select[name=verdict]").select_option("reproduced")
    found = page.locator("#claims-table tbody tr")
    assert found.count()
    assert {row.get_attribute("data-study") for row in found.all()} == {"B"}
    assert {row.get_attribute("data-verdict") for row in found.all()} == {"reproduced"}
    assert page.locator("#claims output").inner_text() == f"{found.count()} of {everything} rows"
    page.locator("#claims-table thead th").nth(5).click()
    page.locator("#claims-table thead th:nth-child(6)[aria-sort=ascending]").wait_for()
    page.wait_for_function(
        """() => [...document.querySelectorAll('#claims-table tbody td:nth-child(6)')]
            .map((cell) => Number(cell.dataset.order))
            .every((mean, row, means) => !row || means[row - 1] <= mean)"""
    )


def test_a_finding_leads_to_its_row_though_a_filter_hides_it(open_page):
    page = open_page("report")
    link = page.locator(".card .findings a").first
    row = link.get_attribute("href").removeprefix("#")
    page.locator("#claims input").fill("no such words")
    assert not page.locator(f"tr[id='{row}']").count()
    link.click()
    page.locator(f"tr[id='{row}'].target").wait_for()
    assert page.locator(f"tr[id='{row}']").is_visible()


def test_every_link_within_the_page_has_a_target(open_page):
    page = open_page("report")
    missing = page.evaluate(
        "[...document.querySelectorAll('a[href^=\"#\"]')]"
        ".map((link) => link.getAttribute('href').slice(1))"
        ".filter((id) => !document.getElementById(id))"
    )
    assert missing == []


def test_a_thumbnail_opens_large_by_keyboard(open_page):
    page = open_page("report")
    page.locator(".thumb").first.focus()
    page.keyboard.press("Enter")
    large = page.locator("dialog img")
    large.wait_for(state="visible")
    assert large.bounding_box()["width"] > 1000
    page.keyboard.press("Escape")
    large.wait_for(state="hidden")


def test_the_explorer_shows_images_and_lines(open_page):
    page = open_page("explorer")
    page.wait_for_function(LOADED)
    plot, caption = page.locator("#plot"), page.locator("#caption")
    plot.focus()
    page.keyboard.press("ArrowRight")
    first = caption.inner_text()
    page.keyboard.press("ArrowRight")
    assert "test image" in first and caption.inner_text() != first
    box, (x, y) = plot.bounding_box(), page.evaluate("state.points[model().anchors[3]]")
    share = box["width"] / page.evaluate("plot.width")
    image = picture(page, "image")
    page.mouse.move(box["x"] + x * share, box["y"] + y * share)
    assert f"test image {page.evaluate('model().anchors[3]')}," in caption.inner_text()
    assert picture(page, "image") != image
    line = picture(page, "line")
    page.mouse.click(box["x"] + x * share, box["y"] + y * share)
    assert page.locator("#to").input_value() == "3"
    assert picture(page, "line") != line


def test_the_plane_of_a_two_dimensional_code_is_decoded_under_the_pointer(open_page):
    page = open_page("explorer")
    flat = page.evaluate("Object.keys(models).filter((name) => models[name].plane)")
    assert flat
    page.locator("#model").select_option(flat[0])
    page.locator("#map").select_option("codes")
    box = page.locator("#plot").bounding_box()
    page.wait_for_function(LOADED)
    seen = set()
    for share in (0.35, 0.5, 0.65):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + share * box["height"])
        seen.add(picture(page, "decoded"))
    assert len(seen) > 1


def picture(page, canvas: str) -> str:
    return page.evaluate(f"document.getElementById('{canvas}').toDataURL()")


@pytest.mark.parametrize("name", PAGES)
def test_a_phone_scrolls_downwards_alone(open_page, name):
    page = open_page(name, width=360)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("width", [1440, 360])
def test_nothing_in_the_claim_table_runs_into_the_next_column(open_page, width):
    """The longest verdict and interval stand in the first row, whatever the run found."""
    page = open_page("report", width=width)
    page.evaluate("""() => {
        const [first] = document.querySelectorAll("#claims-table tbody tr");
        first.querySelector(".v").textContent = "▲ better than published";
        first.querySelector("td.n .note").textContent = "-0.0008872 … -0.0001163";
    }""")
    wide = "c => [...c].filter(cell => cell.scrollWidth > cell.clientWidth).map(c => c.innerText)"
    assert page.eval_on_selector_all("#claims-table td, #claims-table th", wide) == []


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_no_barrier_that_axe_finds(open_page, name, scheme):
    axe = MODULES / "axe-core/axe.min.js"
    if not axe.exists():
        pytest.skip("needs axe-core: npm ci --prefix tests/browser")
    page = open_page(name, scheme=scheme)
    page.evaluate(axe.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")["violations"]
    assert not [(v["id"], [node["html"][:120] for node in v["nodes"][:3]]) for v in found]


def test_the_table_library_is_the_published_one():
    published = MODULES / "datatables.net/js/dataTables.min.js"
    if not published.exists():
        pytest.skip("needs datatables.net: npm ci --prefix tests/browser")
    (kept,) = Path(ROOT / "workflow/report/vendor").glob("dataTables-*.min.js")
    assert kept.read_bytes() == published.read_bytes()


EVIL = "</script><img src=x onerror=alert(1)>"
EVIL_CLASS = "<img src=x onerror=alert(2)>"
EVIL_FOLDER = "<svg onload=alert(3)>'\""


@pytest.mark.slow
def test_names_that_are_scripts_stay_text(browser, checkout):
    """A title, a class and a file name of a person's own data, and a study's title."""
    checkout.make_tiny()
    rng = np.random.default_rng(0)
    images = {
        f"{label}/{EVIL_FOLDER}{n}.png": encoded(Image.fromarray(pixels))
        for label in (EVIL_CLASS, "plain")
        for n, pixels in enumerate(rng.integers(0, 256, (60, 28, 28), np.uint8))
    }
    write(checkout.folder / EVIL_FOLDER, images)
    own = config(EVIL_FOLDER, sizes={"train": 84, "test": 36}, shape=[1, 28, 28])
    own |= {"id": "own", "title": EVIL, "classes": [EVIL_CLASS, "plain"]}
    (checkout.folder / "config/datasets/own.yaml").write_text(yaml.safe_dump(own))
    study = "config/studies/auto_decoder.yaml"
    checkout.edit(study, title=EVIL, small={"dataset": "own", "experiments": ["ad"]})
    checkout.edit("config/config.yaml", studies=["auto_decoder"], seeds=2)
    run = checkout.snakemake()
    assert run.returncode == 0, run.stderr
    for name in PAGES:
        page, dialogs = browser.new_page(), []
        page.on("dialog", lambda dialog, seen=dialogs: (seen.append(dialog), dialog.dismiss()))
        page.goto((checkout.folder / f"results/{name}.html").as_uri())
        page.mouse.move(500, 500)
        page.wait_for_timeout(500)
        assert not dialogs
        assert page.locator("[onerror], [onload]").count() == 0
        text = page.content()
        assert "&lt;img src=x onerror=alert" in text or "\\u003cimg src=x onerror=alert" in text
        page.close()
