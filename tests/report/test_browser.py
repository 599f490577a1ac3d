"""The report in a real browser: no error, no request, every figure with pixels (skipped where there is no Chromium)."""

import re
import shutil
import subprocess

import pytest

import pnstrial as pns

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PROBE = """<script>
const told = [];
window.onerror = (message) => told.push("error: " + message);
window.addEventListener("load", () => {
  const images = [...document.querySelectorAll("figure svg")];
  const empty = images.filter((image) => !(image.getBoundingClientRect().width > 50)).length;
  const outside = performance.getEntriesByType("resource").filter((entry) => !entry.name.startsWith("data:")).length;
  const wide = document.documentElement.scrollWidth > window.innerWidth + 1;
  document.title = `images ${images.length} empty ${empty} outside ${outside} wide ${wide} errors ${told.length}`;
});
</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize("width", [1280, 500])
def test_page(example, protocol, tmp_path, width):
    page = pns.report(example, protocol, tmp_path)
    page.write_text(page.read_text().replace("<head>", f"<head>{PROBE}"))
    done = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},900", "--dump-dom", page.as_uri(),
        ],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    title = re.search(r"<title>(images .*?)</title>", done.stdout)
    assert title, "the page did not load"
    count = page.read_text().count("<figure>")
    assert title.group(1) == f"images {count} empty 0 outside 0 wide false errors 0"
