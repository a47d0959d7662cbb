"""Reading a code with the camera; here the camera is a picture that the test draws."""

from collections.abc import Callable

import segno

from tests.browser.houses import House, until
from tests.browser.pages import Window

Open = Callable[..., Window]
TEXT = "wetalk:join?c=" + "AbC-_9" * 20
CAMERA = """(rows) => {
  const size = 6, edge = 24, canvas = document.createElement("canvas");
  canvas.width = canvas.height = rows.length * size + 2 * edge;
  const pen = canvas.getContext("2d");
  const draw = () => {
    pen.fillStyle = "#fff"; pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = "#000";
    rows.forEach((row, y) => row.forEach((dark, x) => {
      if (dark) pen.fillRect(edge + x * size, edge + y * size, size, size);
    }));
  };
  draw();
  setInterval(draw, 100);
  navigator.mediaDevices.getUserMedia = async () => (window.seen = canvas.captureStream(10));
}"""
REFUSED = """() => {
  const refuse = () => Promise.reject(new DOMException("no", "NotAllowedError"));
  navigator.mediaDevices.getUserMedia = refuse;
}"""


def begin(here: Window) -> None:
    """Scan until a code with more than ten letters came; all that was read is noted."""
    here.run(
        """(m) => {
          window.read = [];
          m.scan((text) => (window.read.push(text), text.length > 10)).then((done) => {
            window.done = done;
          });
          return null;
        }""",
        "base/scan",
    )


def test_a_code_before_the_camera_is_read_and_the_camera_let_go(house: House, window: Open) -> None:
    here = window(house)
    rows = [[bool(dark) for dark in row] for row in segno.make(TEXT, error="m").matrix]
    here.page.evaluate(CAMERA, rows)
    begin(here)
    assert until(lambda: here.page.evaluate("window.done"), "the code") is True
    assert here.page.evaluate("window.read") == [TEXT]
    assert here.page.evaluate("window.seen.getTracks().every((t) => t.readyState === 'ended')")
    assert here.page.get_by_role("dialog").count() == 0


def test_a_camera_that_may_not_be_used_is_told_with_the_way_around(
    house: House, window: Open
) -> None:
    here = window(house)
    here.page.evaluate(REFUSED)
    begin(here)
    here.sees(here.says("web.camera_denied"))
    here.press("web.close")
    assert here.page.evaluate("window.done") is False
