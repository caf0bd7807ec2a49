"""`vreid run`: from videos to a folder that says who was where and when."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.bar import EXIT_INTERRUPTED
from cli.options import MultiValueCommand, split_assignments
from cli.output import complain
from cli.stopping import stop_on_signals

if TYPE_CHECKING:
    from pipeline import RunConfig, RunDirectory

EXIT_DAMAGED = 3

# Typer keeps the line breaks of a docstring, so every paragraph is one line here.
_HELP = """Tell who was where and when, over all cameras.

[b]vreid run --videos cam1.mp4 cam2.mp4[/b]

[b]vreid run --videos gate=cam1.mp4 hall=rtsp://host/2 --duration 600[/b]

[b]vreid run --videos 'day1/*.mp4' --detector yolo11n_openvino_model --every 2 --out day1-run[/b]

[b]vreid run --config my-site.yaml[/b]

""" + "\n\n".join(
    (
        "The folder it makes holds report.html (open it in a browser), sightings.csv (who, where, from, to), "
        "tracklets.parquet (everything), pictures of everyone seen and vectors that can recognise them. Deleting the "
        "folder deletes all of it.",
        "Exit codes: 0 all went well; 2 nothing was done, the message says why; 3 a camera was damaged or lost, the "
        "others are complete; 130 a recording was stopped by Ctrl-C before its end, what was seen until then is kept; "
        "1 the run broke off, for instance on a full disk.",
    )
)

_STOPPING = (
    "stopping; what was seen until now is being written",
    "leaving out the videos (once more drops everything)",
)

_CAMERAS, _DETECT, _IDENTITY, _OUTPUT = "Cameras", "Finding and following people", "Identities", "Output"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run", cls=MultiValueCommand, help=_HELP)(run)


def run(
    videos: Annotated[
        list[str] | None,
        typer.Option(
            "--videos",
            help="The cameras: video files, folders of images, globs in quotes, a device number, rtsp or http URLs. "
            "Takes several values. NAME=SOURCE names a camera; otherwise it is called like its file.",
            rich_help_panel=_CAMERAS,
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="A YAML file with cameras, start times, topology and any setting; flags go before it. "
            "`vreid run --show-config` prints all keys with their defaults.",
            rich_help_panel=_CAMERAS,
            show_default=False,
        ),
    ] = None,
    start: Annotated[
        list[str] | None,
        typer.Option(
            help="When a recording began: NAME=2024-05-01T09:00:00, in this machine's time zone unless one is given. "
            "Takes several values.",
            rich_help_panel=_CAMERAS,
            show_default=False,
        ),
    ] = None,
    every: Annotated[
        int | None,
        typer.Option(
            help="Analyse only every N-th frame: faster, and fine for people who walk at 30 frames a second.",
            rich_help_panel=_CAMERAS,
            show_default=False,
        ),
    ] = None,
    duration: Annotated[
        float | None,
        typer.Option(
            help="Stop after this many seconds of every recording or live stream.",
            rich_help_panel=_CAMERAS,
            show_default=False,
        ),
    ] = None,
    detector: Annotated[
        str | None,
        typer.Option(
            help="YOLO weights (.onnx, an OpenVINO folder, .engine, .pt: a .pt file runs code when it is opened, so "
            "only trusted ones), a YOLO name to download, `hog` (needs no weights, finds fewer people), or `auto`: "
            "YOLO where it can be had, else hog. Default: auto.",
            rich_help_panel=_DETECT,
            show_default=False,
        ),
    ] = None,
    conf: Annotated[
        float | None,
        typer.Option(
            help="Lowest confidence of a detection. Weak ones only continue a track, so keep it low. Default: 0.1.",
            rich_help_panel=_DETECT,
            show_default=False,
        ),
    ] = None,
    imgsz: Annotated[
        int | None,
        typer.Option(
            help="Size in pixels that frames are scaled to for detection; larger finds smaller people, slower.",
            rich_help_panel=_DETECT,
            show_default=False,
        ),
    ] = None,
    tracker: Annotated[
        str | None,
        typer.Option(
            help="bytetrack, ocsort or sfsort. Default: bytetrack.", rich_help_panel=_DETECT, show_default=False
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            help="auto, cpu, cuda, cuda:1. Default: auto, the GPU if there is one.",
            rich_help_panel=_DETECT,
            show_default=False,
        ),
    ] = None,
    half: Annotated[
        bool | None,
        typer.Option("--half", help="Half precision on a GPU.", rich_help_panel=_DETECT, show_default=False),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            help="The re-ID network: a checkpoint's path, its name in the folder of weights, dcct-compact (comes with "
            "vreid), or untrained:MODEL. Default: auto, your own biggest one in ~/.cache/vreid (or VREID_WEIGHTS) if "
            "it is calibrated and bigger than dcct-compact, else that.",
            rich_help_panel=_IDENTITY,
            show_default=False,
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Similarity, up to 1, from which two stays are the same person. Without it the checkpoint's "
            "calibration and --far decide.",
            rich_help_panel=_IDENTITY,
            show_default=False,
        ),
    ] = None,
    far: Annotated[
        float | None,
        typer.Option(
            help="Accepted chance that someone who is not among the others is taken for any of them. Default: 0.01.",
            rich_help_panel=_IDENTITY,
            show_default=False,
        ),
    ] = None,
    gallery: Annotated[
        str | None,
        typer.Option(
            help="A folder that remembers people beyond this run, made if it is not there: people of this run are "
            "looked for in it and added to it. `vreid gallery` lists, corrects and deletes them. Default: nobody is "
            "remembered.",
            rich_help_panel=_IDENTITY,
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The folder to make. Default: runs/<date and time>.", rich_help_panel=_OUTPUT, show_default=False
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the run in --out.", rich_help_panel=_OUTPUT)
    ] = False,
    save_video: Annotated[
        bool | None,
        typer.Option(
            "--save-video",
            help="Also write each recording with boxes and names drawn in (reads it a second time).",
            rich_help_panel=_OUTPUT,
            show_default=False,
        ),
    ] = None,
    hash_inputs: Annotated[
        bool | None,
        typer.Option(
            "--hash-inputs",
            help="Record the SHA-256 of each whole recording, not only of its ends.",
            rich_help_panel=_OUTPUT,
            show_default=False,
        ),
    ] = None,
    show_config: Annotated[
        bool,
        typer.Option(
            "--show-config",
            help="Print every setting with its default and what it does, and exit.",
            rich_help_panel=_OUTPUT,
        ),
    ] = False,
) -> None:
    """Tell who was where and when, over all cameras; the help text is `_HELP`."""
    from reid.config import builtin_text

    if show_config:
        typer.echo(builtin_text("run/default.yaml"), nl=False)
        return
    flags = {
        "every": every,
        "device": device,
        "duration_s": duration,
        "save_video": save_video,
        "hash_inputs": hash_inputs,
        "detector.name": detector,
        "detector.conf": conf,
        "detector.imgsz": imgsz,
        "detector.half": half,
        "tracker.name": tracker,
        "embedder.weights": weights,
        "association.threshold": threshold,
        "association.far": far,
        "gallery.path": gallery,
    }
    settings = _settle(config, videos or [], split_assignments(start or [], "--start"), flags)
    result = run_with_progress(settings, out or Path("runs") / datetime.now().strftime("%Y-%m-%d_%H-%M-%S"), overwrite)
    from cli.summary import print_summary

    print_summary(result)
    raise typer.Exit(exit_code(result.manifest))


def _settle(config: Path | None, videos: Sequence[str], starts: dict[str, str], flags: dict[str, Any]) -> RunConfig:
    """Put the file and the flags together; what a flag says goes before the file."""
    with _no_garbage_collection():
        from pipeline import RunConfig
    from pipeline.inputs import with_starts
    from pipeline.site import load_site
    from reid.config import override, parse_settings

    settings = load_site(config) if config is not None else RunConfig()
    given = {key: value for key, value in flags.items() if value is not None}
    if videos:
        given["cameras"] = [{"source": source} for source in videos]
    settings = override(settings, given, where="command line")
    if starts:
        cameras = with_starts(settings.cameras, starts)
        settings = parse_settings({**settings.model_dump(), "cameras": cameras}, RunConfig, where="--start")
    return settings


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Importing torch and its kin makes many objects and no garbage; looking for some takes half a second."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def run_with_progress(settings: RunConfig, out: Path, overwrite: bool) -> RunDirectory:
    """Run and show how it goes on; Ctrl-C ends the reading.

    Args:
        settings: what to run on, and how.
        out: the run directory to make.
        overwrite: replace a run that stands there.

    Returns:
        The finished run.

    Raises:
        typer.Exit: it was stopped at once.
    """
    from cli.progress import progress_for_this_terminal
    from pipeline import run_pipeline

    with stop_on_signals(*_STOPPING) as stop, progress_for_this_terminal(settings.every) as progress:
        try:
            return run_pipeline(
                settings, out, overwrite=overwrite, listener=progress, stop=stop, command=["vreid", *sys.argv[1:]]
            )
        except KeyboardInterrupt:
            complain("stopped at once; nothing was kept")
            raise typer.Exit(EXIT_INTERRUPTED) from None


def exit_code(manifest: dict[str, Any]) -> int:
    """What a finished run means to the shell."""
    if any(camera["cut_short"] for camera in manifest["cameras"]):
        return EXIT_INTERRUPTED
    return 0 if manifest["status"] == "complete" else EXIT_DAMAGED
