"""The table at the end of a run."""

from __future__ import annotations

from rich.table import Table

from cli.output import stdout
from pipeline import RunDirectory


def print_summary(run: RunDirectory) -> None:
    """Print who was where, how the cameras did, and what to open."""
    manifest = run.manifest
    counts = manifest["counts"]
    table = Table(title=None, box=None, pad_edge=False, header_style="bold")
    for column, justify in (
        ("camera", "left"),
        ("frames", "right"),
        ("stays", "right"),
        ("people", "right"),
        ("unknown", "right"),
        ("condition", "left"),
    ):
        table.add_column(column, justify="right" if justify == "right" else "left")
    for camera in manifest["cameras"]:
        rows = [row for row in run.tracklets if row.camera_id == camera["camera_id"]]
        health = camera["health"]
        table.add_row(
            camera["camera_id"],
            str(health["frames_decoded"]),
            str(len(rows)),
            str(len({row.identity_id for row in rows} - {None})),
            str(sum(row.identity_id is None for row in rows)),
            health["status"],
        )
    stdout.print(table)
    across = [
        identity
        for identity in {row.identity_id for row in run.tracklets} - {None}
        if len({row.camera_id for row in run.tracklets if row.identity_id == identity}) > 1
    ]
    untrained = "" if manifest["embedder"]["trained"] else " (untrained network: not to be trusted)"
    stdout.print(
        f"{counts['identities']} people, {len(across)} of them seen by several cameras{untrained}; "
        f"{counts['frames']} frames in {manifest['timings']['wall_s']:.1f} s",
        soft_wrap=True,
    )
    stdout.print(f"open {run.report}", soft_wrap=True)
