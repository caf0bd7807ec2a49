"""Runs and galleries: a run that has just ended, or ended long ago, adds its people."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.config import GalleryConfig
from pipeline.corrections import read_corrections
from pipeline.gallery.adding import add_run
from pipeline.gallery.store import FILE, UNFINISHED, GalleryStore, GalleryWriter
from pipeline.identities import stays_of
from pipeline.reassociation import calibration_of, clock_of, failures, read_whole, recorded, settings_of
from pipeline.report import render_report
from pipeline.run_directory import RunDirectory, RunDirectoryWriter, write_sightings, write_tracklets
from reid.calibration import Calibration
from reid.errors import InputError, OutputError, VreidError
from reid.output_folder import check_writable

_REWRITTEN = ("run.json", "tracklets.parquet", "sightings.csv", "report.html")


def check_gallery(folder: Path, made_of: Mapping[str, Any]) -> None:
    """Refuse a gallery that a run could not be added to, before any work is done.

    Args:
        folder: of the gallery, which need not exist.
        made_of: which network makes the vectors, as `Embedder.describe` says it.

    Raises:
        InputError: it is damaged, or of other vectors.
        OutputError: it cannot be written.
    """
    if (folder / FILE).exists():
        with GalleryStore(folder) as store:
            store.check(made_of)
    elif folder.exists() and (
        not folder.is_dir() or any(not path.name.startswith(UNFINISHED) for path in folder.iterdir())
    ):
        raise OutputError(f"--gallery {folder} exists and is no gallery of vreid; choose another place")
    check_writable(folder, flag="--gallery")


@contextmanager
def open_for_adding(
    folder: Path, made_of: Mapping[str, Any], calibration: Calibration | None
) -> Iterator[tuple[GalleryStore, GalleryWriter]]:
    """Open a gallery, made if need be, and change it when the block ends well; one made in vain goes again."""
    was_there = (folder / FILE).exists(), folder.exists()
    try:
        with GalleryStore.create(folder, made_of, calibration) as store:
            with store.writing() as writer:
                yield store, writer
            store.scrub_if_free()
    except BaseException:
        if not was_there[0]:
            _remove_if_empty(folder, whole=not was_there[1])
        raise


def _remove_if_empty(folder: Path, *, whole: bool) -> None:
    with contextlib.suppress(VreidError, OSError):
        with GalleryStore(folder) as store:
            if store.people():
                return
        (folder / FILE).unlink()
        if whole:
            folder.rmdir()


def add_finished_run(folder: Path, path: Path, limits: GalleryConfig, *, warn: Callable[[str], None]) -> RunDirectory:
    """Add a run that ended some time ago; its table, record and report then say who is who in the gallery.

    Args:
        folder: of the gallery; made if it is not there.
        path: the run.
        limits: how much is kept of a person, and how long; `path` does not count.
        warn: is told in one line what is not as asked for.

    Returns:
        The run as it is now.

    Raises:
        ConfigError: the run was added before.
        InputError: the folder is not a whole run, or the gallery is damaged or of other vectors.
        OutputError: it cannot be written.
        RunError: it could not be finished, for instance on a full disk; nothing was changed.
    """
    run = RunDirectory(path)
    path = path.resolve()
    manifest = recorded(run)
    rows, embeddings = read_whole(run)
    association, topology = settings_of(run)
    corrections = read_corrections(path)
    made_of = manifest.get("embedder") or {}
    if not {"model", "fingerprint", "variant", "policy", "dim"} <= made_of.keys():
        raise InputError(f"{run.path / 'run.json'} does not say which network made its vectors")
    try:
        created = datetime.fromisoformat(str(manifest.get("created")))
    except ValueError as error:
        raise InputError(f"{run.path / 'run.json'} does not say when the run began") from error
    check_gallery(folder, made_of)
    clocks = {camera["camera_id"]: clock_of(camera) for camera in manifest["cameras"]}
    with failures("the run could not be added"), RunDirectoryWriter(path, overwrite=True) as writer:
        with open_for_adding(folder, made_of, calibration_of(run)) as (store, into):
            added = add_run(
                store,
                into,
                rows,
                stays_of(rows, clocks),
                embeddings,
                run=path,
                pictures=path,
                created=created,
                association=association,
                topology=topology,
                limits=limits,
                corrections=corrections,
                warn=warn,
            )
            writer.take_over(path, without=_REWRITTEN)
            write_tracklets(writer.path / "tracklets.parquet", added.rows)
            write_sightings(writer.path / "sightings.csv", added.rows)
            manifest = {**manifest, "gallery": added.told}
            (writer.path / "report.html").write_text(render_report(manifest, added.rows, writer.path), encoding="utf-8")
            writer.write_manifest(manifest)
        # Only now, so that no run ever names people whom the gallery does not know.
        return writer.commit()
