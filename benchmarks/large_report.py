"""How big the page of a long day is, and how soon a browser shows it.

    vreid synth tracklets --out people --people 4000 --cameras 6 --tracklets 1-1 --frames 4-4 --size 128x64 --seed 78
    python benchmarks/large_report.py people [--identities 1000] [--browser /usr/bin/chromium] [--screenshot page.png]

Definition. A run of 1,000 identities in eight cameras over eight hours, each with two to six stays, and 500 unknown
stays; the crops are pictures of the made-up people in the folder, four a stay. The page is rendered as `vreid run` does
it. A browser without a window (1280 x 900; Playwright, which has to be installed) opens it from the disk: seconds until
its load event; until the next frame is drawn; then it scrolls from the top to the bottom in steps of 800 pixels, and
the median and the longest time of two frames is noted; then a person's number is typed into the filter, and the time
until it is drawn is noted.

Results, on two cores that other work shared, 1,000 identities and 4,561 stays: 32.1 MB, rendered in 3.0 s; loaded in
1.35 s, drawn 19 ms later; 392,000 pixels high, scrolled in 1,145 steps, two frames in 37 ms at the median and 320 ms at
the longest; filtered in 170 ms.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from pipeline.report import render_report
from pipeline.run_directory import TrackletRow, assign_mot_ids

CAMERAS = 8
HOURS = 8
UNKNOWN = 500
FRAMES_SCRIPT = """async () => {
  const frame = () => new Promise(done => requestAnimationFrame(done));
  const wait = async () => {
    const begun = performance.now();
    await frame(); await frame();
    return performance.now() - begun;
  };
  const first = await wait();
  const times = [];
  const height = document.documentElement.scrollHeight;
  for (let y = 0; y < document.documentElement.scrollHeight; y += 800) {
    window.scrollTo(0, y);
    times.push(await wait());
  }
  window.scrollTo(0, 0);
  await wait();
  const filter = document.querySelector('#filters input[type=search]');
  let filtered = null;
  if (filter) {
    const begun = performance.now();
    filter.value = '77';
    filter.dispatchEvent(new Event('input', {bubbles: true}));
    await frame(); await frame();
    filtered = performance.now() - begun;
  }
  times.sort((a, b) => a - b);
  const median = times[times.length >> 1], longest = times[times.length - 1];
  return {first, height, steps: times.length, median, longest, filtered};
}"""


def make_run(folder: Path, people: Path, identities: int, rng: np.random.Generator) -> tuple[dict, list[TrackletRow]]:
    """Make the parts of a run that a report reads."""
    pictures: dict[str, list[Path]] = {}
    for path in sorted(people.rglob("*.jpg")):
        pictures.setdefault(path.name[:11], []).append(path)
    tracklets = list(pictures.values())
    start = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    rows = []
    owners = [identity for identity in range(1, identities + 1) for _ in range(rng.integers(2, 7))] + [None] * UNKNOWN
    for number, identity in enumerate(owners, start=1):
        camera = f"camera {rng.integers(1, CAMERAS + 1)}"
        begin, length = float(rng.uniform(0, HOURS * 3600)), float(rng.uniform(5, 30))
        crops = tracklets[number % len(tracklets)]
        place = Path("crops") / camera / str(number)
        (folder / place).mkdir(parents=True)
        for index, crop in enumerate(crops):
            shutil.copyfile(crop, folder / place / f"{index:03d}.jpg")
        score = None if identity is None else float(rng.uniform(0.6, 1))
        rows.append(
            TrackletRow(
                camera_id=camera,
                track_id=number,
                first_frame=int(begin * 25),
                last_frame=int((begin + length) * 25),
                start_s=begin,
                end_s=begin + length,
                frames=int(length * 25),
                mean_confidence=0.8,
                evidence="short" if identity is None else "enough",
                crops_kept=len(crops),
                crops_refused=0,
                crop_frames=tuple(range(len(crops))),
                crops_path=place.as_posix(),
                embedded=True,
                start_time=start + timedelta(seconds=begin),
                end_time=start + timedelta(seconds=begin + length),
                identity_id=identity,
                match_score=score,
                runner_up_score=float(rng.uniform(0.3, 0.7)),
                runner_up_identity_id=int(rng.integers(1, identities + 1)),
                margin=None if score is None else 0.1,
            )
        )
    cameras = [
        {
            "camera_id": f"camera {number}",
            "source": f"camera{number}.mp4",
            "start_time": start.isoformat(),
            "start_time_source": "flag or config",
            "health": {"status": "ok", "frames_expected": 720_000, "frames_decoded": 720_000, "gaps": []},
        }
        for number in range(1, CAMERAS + 1)
    ]
    manifest = {"status": "complete", "cameras": cameras, "association": {"threshold": 0.7}}
    return manifest, assign_mot_ids(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("people", type=Path)
    parser.add_argument("--identities", type=int, default=1000)
    parser.add_argument("--browser", default=None)
    parser.add_argument("--screenshot", type=Path, help="its first screen, as a PNG file")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        manifest, rows = make_run(folder, options.people, options.identities, np.random.default_rng(options.seed))
        begun = time.perf_counter()
        text = render_report(manifest, rows, folder)
        rendered = time.perf_counter() - begun
        page_path = folder / "report.html"
        page_path.write_text(text, encoding="utf-8")
        print(
            f"{options.identities} identities, {len(rows)} stays: {page_path.stat().st_size / 1e6:.1f} MB, rendered in "
            f"{rendered:.1f} s"
        )
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=options.browser, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            begun = time.perf_counter()
            page.goto(page_path.as_uri(), timeout=120_000)
            loaded = time.perf_counter() - begun
            if options.screenshot is not None:
                page.screenshot(path=str(options.screenshot))
            seen = page.evaluate(FRAMES_SCRIPT)
            browser.close()
        print(
            f"loaded in {loaded:.2f} s, first frames after it {seen['first']:.0f} ms; {seen['height']} px high, "
            f"{seen['steps']} steps of 800 px: median {seen['median']:.0f} ms, longest {seen['longest']:.0f} ms; "
            f"filtered in {seen['filtered'] or float('nan'):.0f} ms"
        )


if __name__ == "__main__":
    main()
