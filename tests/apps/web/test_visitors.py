"""The page as visitors use it, in a real browser."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from tests.apps.web.conftest import draw_clip
from tests.waiting import wait_until
from urban_segmentor.inference.segmenter import Segmenter
from urban_segmentor.io.image_codec import read_image
from urban_segmentor.io.video_reader import VideoReader

if TYPE_CHECKING:
    from pathlib import Path

    from tests.apps.web.running import RunningApp

Page = Any
_CODE = "import sys; from urban_segmentor.cli.main import main; sys.exit(main())"


def upload_image(page: Page, path: Path) -> None:
    """Drop a picture, and wait until its own result is there."""
    page.set_input_files("#picture-upload input[type=file]", str(path))
    wait_for_image(page, path.name)


def wait_for_image(page: Page, title: str) -> None:
    """Wait until the result of a picture is shown."""
    page.wait_for_selector(f"#picture-result [data-title='{title}']", state="attached")
    page.wait_for_function(
        "() => { const one = document.querySelector('#picture-result .after');"
        "return one.complete && one.naturalWidth > 0; }"
    )


def counts(page: Page) -> dict[str, int]:
    """Return the table as the visitor reads it."""
    rows = page.locator("#picture-result tbody tr").all()
    cells = [row.locator("th, td").all_inner_texts() for row in rows]
    return {row[0]: int(row[1]) for row in cells}


def address_of_result(page: Page) -> str:
    """Return where the overlay comes from; it changes with every result."""
    return page.get_attribute("#picture-result .after", "src")


def wait_for_another(page: Page, before: str) -> None:
    """Wait until there is another overlay than before."""
    page.wait_for_function(
        "before => { const one = document.querySelector('#picture-result .after');"
        "return one.getAttribute('src') !== before && one.complete && one.naturalWidth > 0; }",
        arg=before,
    )


def shown_overlay(page: Page, app: RunningApp) -> np.ndarray:
    """Return the overlay as the page shows it, (H, W, 3), BGR."""
    data = app.ask("/" + address_of_result(page)).body
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def test_a_image_gives_the_table_of_predict(page: Page, street_image: Path, tmp_path: Path) -> None:
    """Counts in the page equal those of the command line for the same picture."""
    upload_image(page, street_image)
    subprocess.run(
        [
            sys.executable,
            "-c",
            _CODE,
            "predict",
            str(street_image),
            "--save",
            "csv",
            "-o",
            tmp_path,
        ],
        check=True,
        capture_output=True,
    )
    wanted: dict[str, int] = {}
    for row in csv.DictReader(io.StringIO((tmp_path / "results.csv").read_text())):
        wanted[row["class"]] = wanted.get(row["class"], 0) + 1
    assert wanted
    assert counts(page) == wanted
    assert page.inner_text("#picture-result .all") == str(sum(wanted.values()))


def test_the_files_to_keep_are_whole(page: Page, app: RunningApp, street_image: Path) -> None:
    """PNG has the picture's own size, COCO and CSV as many objects as the table says."""
    upload_image(page, street_image)
    links = {
        link.inner_text(): link.get_attribute("href")
        for link in page.locator("#picture-result .files a").all()
    }
    found = sum(counts(page).values())
    png = app.ask("/" + links["Download PNG"]).body
    assert cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR).shape == (1080, 1920, 3)
    coco = app.ask("/" + links["Download COCO JSON"])
    assert len(coco.value["annotations"]) == found
    assert coco.value["images"][0]["file_name"] == street_image.name.replace(" ", "_") or (
        coco.value["images"][0]["file_name"] == street_image.name
    )
    table = app.ask("/" + links["Download CSV"])
    assert len(list(csv.DictReader(io.StringIO(table.body.decode())))) == found
    assert "attachment" in table.headers["content-disposition"]
    assert str(app.temp).encode() not in coco.body + table.body


def test_pointing_at_an_object_names_it(page: Page, street_image: Path) -> None:
    """The tip over a car's middle says that it is one, and so does a click in words."""
    upload_image(page, street_image)
    instances = Segmenter()(read_image(street_image)).instances
    cars = instances[instances.is_class("car")].masks
    largest = np.argmax(cars.areas())
    crop, (x, y) = cars.crops[largest], cars.origins[largest]
    rows, columns = np.nonzero(crop)
    middle = np.argmin(np.hypot(rows - rows.mean(), columns - columns.mean()))
    box = page.locator("#picture-result .stage").bounding_box()
    at = {
        "x": (x + columns[middle]) / 1920 * box["width"],
        "y": (y + rows[middle]) / 1080 * box["height"],
    }
    page.hover("#picture-result .stage", position=at, force=True)
    page.wait_for_selector("#picture-result .tip:visible")
    assert page.inner_text("#picture-result .tip").startswith("car, score")
    page.click("#picture-result .stage", position=at, force=True)
    assert page.inner_text("#picture-result .named").startswith("car, score")


def test_the_divider_moves_by_keyboard(page: Page, street_image: Path) -> None:
    """Arrow keys on the range move the border between before and after."""
    upload_image(page, street_image)
    page.focus("#picture-result input[type=range]")
    before = page.eval_on_selector(
        "#picture-result .stage", "e => e.style.getPropertyValue('--cut')"
    )
    page.keyboard.press("ArrowRight")
    after = page.eval_on_selector(
        "#picture-result .stage", "e => e.style.getPropertyValue('--cut')"
    )
    assert float(after.rstrip("%")) == float(before.rstrip("%")) + 1


def test_class_filter_and_presets(page: Page, street_image: Path) -> None:
    """Presets leave their classes alone; a class that is unchecked is gone."""
    upload_image(page, street_image)
    everything = counts(page)
    before = address_of_result(page)
    page.get_by_label("traffic", exact=True).check()
    wait_for_another(page, before)
    traffic = counts(page)
    assert "car" in traffic
    assert set(traffic) <= {"car", "truck", "bus", "train", "motorcycle", "bicycle"}
    assert set(traffic) < set(everything)
    page.click("#classes-box button")
    before = address_of_result(page)
    page.locator("#classes").get_by_label("car", exact=True).uncheck()
    wait_for_another(page, before)
    assert "car" not in counts(page)
    assert page.locator("#preset").get_by_label("own choice").is_checked()


def test_masks_only_draws_no_words(page: Page, app: RunningApp, street_image: Path) -> None:
    """The overlay equals that of `predict --masks-only`, and differs from the usual one."""
    upload_image(page, street_image)
    usual, before = shown_overlay(page, app), address_of_result(page)
    page.check("#masks-only input")
    wait_for_another(page, before)
    alone = shown_overlay(page, app)
    assert np.abs(usual.astype(int) - alone).mean() > 1
    from urban_segmentor.visualization.style import OverlayStyle

    result = Segmenter()(read_image(street_image))
    drawn = result.plot(style=OverlayStyle(masks_only=True))[..., ::-1]
    assert np.abs(drawn.astype(int) - alone).mean() < 2  # JPEG


def test_the_panoptic_view_gives_each_pixel_one_segment(page: Page, street_image: Path) -> None:
    """Shares of the picture add up to no more than all of it, and there is one road."""
    upload_image(page, street_image)
    before = address_of_result(page)
    page.check("#panoptic input")
    wait_for_another(page, before)
    cells = page.locator("#picture-result tbody tr td:last-child").all_inner_texts()
    assert sum(float(cell.split()[0]) for cell in cells) <= 101
    assert counts(page)["road"] == 1


def test_no_class_at_all_is_told_kindly(page: Page, street_image: Path) -> None:
    """Without a class the page says what to do, and recovers."""
    upload_image(page, street_image)
    page.get_by_label("people", exact=True).check()
    page.click("#classes-box button")
    for name in ("person", "rider"):
        page.locator("#classes").get_by_label(name, exact=True).uncheck()
    page.wait_for_selector("#picture-result .problem:visible")
    assert "choose one" in page.inner_text("#picture-result .problem")
    page.get_by_label("all", exact=True).check()
    page.wait_for_selector("#picture-result table:visible")


def test_what_is_no_image_is_refused_kindly(page: Page, app: RunningApp, tmp_path: Path) -> None:
    """HTML dressed as PNG gets a sentence without a path of the server."""
    path = tmp_path / "page.png"
    path.write_text("<html><script>alert(1)</script></html>")
    page.set_input_files("#picture-upload input[type=file]", str(path))
    page.wait_for_selector("#picture-result .problem:visible")
    said = page.inner_text("#picture-result .problem")
    assert "picture" in said
    assert str(app.temp) not in said
    assert "visitors-" not in page.content()


@pytest.mark.parametrize("number", [0, 1])
def test_an_example_answers_at_once(page: Page, number: int) -> None:
    """A click shows a result that was made before, and the controls act on it as on any other."""
    page.click(f"#picture-examples button >> nth={number}")
    page.wait_for_selector(f"#picture-result .after[src='results/example-{number}/after.jpg']")
    assert counts(page)["car"] >= 1
    before = address_of_result(page)
    page.get_by_label("people", exact=True).check()
    wait_for_another(page, before)
    assert set(counts(page)) <= {"person", "rider"}
    assert all(one.get_attribute("alt") for one in page.locator("#picture-examples img").all())


def video_state(page: Page, state: str, timeout_s: float = 300) -> None:
    """Wait for a state of the work on a video."""
    page.wait_for_selector(
        f"#video-result [data-state={state}]", state="attached", timeout=1000 * timeout_s
    )


def test_a_video_plays_to_its_end(page: Page, app: RunningApp, street_clip: Path) -> None:
    """Uploaded, watched while it works, and played; files have every frame."""
    page.get_by_role("tab", name="Video").click()
    assert "At most 20 seconds" in page.inner_text("#tabs")
    page.set_input_files("#video-upload input[type=file]", str(street_clip))
    page.wait_for_selector("#video-upload video")
    page.click("#video-start")
    video_state(page, "done")
    page.evaluate(
        "() => { const one = document.querySelector('#video-result video'); one.muted = true;"
        "one.onended = () => { window.ended = true; }; one.play(); }"
    )
    page.wait_for_function("() => window.ended === true")
    seconds = page.eval_on_selector("#video-result video", "one => one.duration")
    assert abs(seconds - 2.0) < 0.1
    links = [link.get_attribute("href") for link in page.locator("#video-result .files a").all()]
    lines = app.ask("/" + links[1]).body.decode().splitlines()
    assert len(lines) == 50
    assert json.loads(lines[0])["source"] == street_clip.name.replace(" ", "_") or (
        json.loads(lines[0])["source"] == street_clip.name
    )
    assert str(app.temp) not in "".join(lines)
    assert b"visitors-" not in app.ask("/" + links[2]).body
    page.wait_for_selector("#video-chart:visible")


def test_a_long_video_shows_previews_and_can_be_stopped(
    page: Page, app: RunningApp, tmp_path: Path
) -> None:
    """The preview moves while it works; cancel ends the work on the server, too."""
    clip = draw_clip(tmp_path / "long.mp4", seconds=18, size=(720, 1280))
    page.get_by_role("tab", name="Video").click()
    page.set_input_files("#video-upload input[type=file]", str(clip))
    page.wait_for_selector("#video-upload video")
    page.click("#video-start")
    page.wait_for_selector("#video-result .preview:visible")
    first = page.get_attribute("#video-result .preview", "src")
    page.wait_for_function(
        "first => document.querySelector('#video-result .preview').src !== first", arg=first
    )
    page.wait_for_function(
        "() => / of about 450 frames, .* a second, about .* left/.test("
        "document.querySelector('#video-result .note').textContent)"
    )
    page.click("#video-cancel")
    video_state(page, "cancelled")
    wait_until(app.is_at_rest)
    said = page.inner_text("#video-result .note")
    assert int(re.search(r"after (\d+) frames", said)[1]) < 450


def test_a_video_that_is_too_long_is_refused(page: Page, tmp_path: Path) -> None:
    """The limit stands beside the button, and in the refusal."""
    clip = draw_clip(tmp_path / "hour.mp4", seconds=25, size=(90, 160))
    page.get_by_role("tab", name="Video").click()
    page.set_input_files("#video-upload input[type=file]", str(clip))
    page.wait_for_selector("#video-upload video")
    page.click("#video-start")
    video_state(page, "failed")
    assert "20" in page.inner_text("#video-result .note")


def test_a_clip_to_try_answers_at_once(page: Page) -> None:
    """A click plays what was made before, with its chart."""
    page.get_by_role("tab", name="Video").click()
    page.click("#video-examples button >> nth=0")
    page.wait_for_selector("#video-result video[src^='results/example-2/']")
    page.wait_for_function("() => document.querySelector('#video-result video').duration > 2.5")
    page.wait_for_selector("#video-chart:visible")


def test_settings_survive_a_reload(page: Page) -> None:
    """What was set is set again."""
    page.check("#masks-only input")
    page.get_by_label("people", exact=True).check()
    page.wait_for_function(
        "() => document.querySelector('#link input').value.includes('classes=person')"
    )
    page.wait_for_timeout(300)
    page.reload()
    page.wait_for_selector("#picture-examples button")
    page.wait_for_function("() => document.querySelector('#masks-only input').checked")
    assert page.locator("#preset").get_by_label("people").is_checked()


def test_a_link_carries_the_settings(page: Page, chromium: Any) -> None:  # noqa: ANN401
    """Somebody else sees the same settings, and nothing of the first visitor's."""
    page.get_by_label("traffic", exact=True).check()
    page.check("#panoptic input")
    page.wait_for_function(
        "() => /classes=car.*panoptic=1/.test(document.querySelector('#link input').value)"
    )
    link = page.input_value("#link input")
    other = chromium.new_context()
    other.set_default_timeout(120_000)
    friend = other.new_page()
    friend.goto(link)
    friend.wait_for_function("() => document.querySelector('#panoptic input')?.checked")
    friend.wait_for_function(
        "() => document.querySelector('#preset input:checked')?.value === 'traffic'"
    )
    other.close()


def test_a_wrong_link_opens_the_usual_page(chromium: Any, app: RunningApp) -> None:  # noqa: ANN401
    """Nonsense in an address harms nobody."""
    context = chromium.new_context()
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.goto(f"{app.url}/?conf=9&classes=%3Cb%3E&model=../../etc/passwd&opacity=nan")
    page.wait_for_selector("#preset input:checked")
    page.wait_for_timeout(500)
    assert page.input_value("#conf input[type=number]") == "0.25"
    context.close()


def test_phone_width_has_no_sideways_scrolling(chromium: Any, app: RunningApp) -> None:  # noqa: ANN401
    """On a phone everything fits, and the picture comes before the controls."""
    context = chromium.new_context(viewport={"width": 390, "height": 844}, is_mobile=True)
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.goto(app.url)
    page.wait_for_selector("#picture-examples button")
    page.click("#picture-examples button >> nth=0")
    page.wait_for_selector("#picture-result table:visible")
    page.wait_for_timeout(300)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    image = page.locator("#picture-result .stage").bounding_box()
    assert image["width"] > 300
    assert image["y"] < page.locator("#conf").bounding_box()["y"]
    context.close()


def test_everything_can_be_reached_by_keyboard(page: Page) -> None:
    """Tab comes to tabs, upload, examples, presets, and the sliders."""
    wanted = {"tab", "example", "preset", "slider", "upload"}
    seen: set[str] = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.add(
            page.evaluate(
                "() => { const one = document.activeElement;"
                "if (one.role === 'tab') return 'tab';"
                "if (one.closest('#picture-examples')) return 'example';"
                "if (one.closest('#picture-upload')) return 'upload';"
                "if (one.closest('#preset')) return 'preset';"
                "return one.type === 'range' ? 'slider' : ''; }"
            )
        )
    assert wanted <= seen


def test_two_visitors_do_not_meet(
    page: Page,
    chromium: Any,  # noqa: ANN401
    app: RunningApp,
    street_image: Path,
) -> None:
    """Each sees their own result; what one leaves is deleted when they close the page."""
    context = chromium.new_context()
    context.set_default_timeout(120_000)
    other = context.new_page()
    other.goto(app.url)
    other.wait_for_selector("#preset input:checked")
    upload_image(page, street_image)
    mine = address_of_result(page)
    second = street_image.with_name("other.png")
    image = cv2.flip(cv2.imread(str(street_image)), 1)
    cv2.imwrite(str(second), image)
    upload_image(other, second)
    theirs = address_of_result(other)
    assert mine != theirs
    assert page.get_attribute("#picture-result [data-title]", "data-title") == street_image.name
    assert app.ask("/" + theirs).status == 200
    context.close()
    wait_until(lambda: app.ask("/" + theirs).status == 404, every_s=0.2)
    assert app.ask("/" + mine).status == 200


def test_frames_of_a_result_are_those_of_the_video(
    page: Page, app: RunningApp, street_clip: Path, tmp_path: Path
) -> None:
    """The overlay has the size and the number of frames of what was uploaded."""
    page.get_by_role("tab", name="Video").click()
    page.set_input_files("#video-upload input[type=file]", str(street_clip))
    page.wait_for_selector("#video-upload video")
    page.click("#video-start")
    video_state(page, "done")
    path = tmp_path / "video.mp4"
    path.write_bytes(app.ask("/" + page.get_attribute("#video-result video", "src")).body)
    source = VideoReader(path, name="frame")
    frames = [frame.size for frame in source]
    source.close()
    assert frames == [(360, 640)] * 50
