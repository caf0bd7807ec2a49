"""Vectors of a data set's tracklets, kept, so that scoring again takes seconds and a stopped embedding goes on.

What is kept is found by a digest of everything that it depends on: the network with its weights and preprocessing,
which clips stand for a tracklet, the kind of device and its precision, vreid's version, the names, sizes and times of
the picture files that are looked at. So nothing stale is found: when one of them changes, the digest does. A file holds
the vectors of some hundred tracklets and is written whole; where a picture could not be read nothing is kept.

The vectors can recognise people. They lie in `VREID_EMBEDDINGS`, else in `~/.cache/vreid/embeddings`, one folder for a
data set; deleting a folder deletes them.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from reid.clips import clip_indices
from reid.data.records import DataSet, StampedSource, TrackletRecord
from reid.embedder import Embedder
from reid.errors import OutputError
from reid.evaluation import Embedded, check_read, embed_quietly, embed_records
from reid.output_file import whole_file
from reid.version import package_version

VARIABLE = "VREID_EMBEDDINGS"  # environment variable: where they are kept
_FORMAT = "vreid-embeddings/1"
_AT_ONCE = 256  # tracklets in a file


def embeddings_folder() -> Path:
    """Where embeddings are kept: `VREID_EMBEDDINGS`, else `~/.cache/vreid/embeddings`."""
    return Path(os.environ.get(VARIABLE) or Path.home() / ".cache" / "vreid" / "embeddings")


def embed_and_keep(
    embedder: Embedder,
    data_set: DataSet,
    records: Sequence[TrackletRecord],
    *,
    variants: Sequence[str],
    folder: Path | None,
    on_tracklets: Callable[[int], None] = lambda _: None,
) -> Embedded:
    """Turn tracklets into vectors, or find those that were kept.

    Args:
        embedder: as for `embed_records`.
        data_set: that the tracklets are of.
        records: N tracklets of it.
        variants: names of feature variants.
        folder: where vectors are kept; None keeps none. Those of pictures that a program makes up are never kept.
        on_tracklets: told how many more of the N are there.

    Returns:
        As `embed_records`, and the same whether they were kept or not.

    Raises:
        OutputError: they cannot be kept.
        InputError: as for `embed_records`.
    """
    if folder is None or not isinstance(data_set.source, StampedSource):
        return embed_records(embedder, records, data_set.source, variants=variants, on_tracklets=on_tracklets)
    place = folder / data_set.name
    parts = []
    for start in range(0, len(records), _AT_ONCE):
        some = records[start : start + _AT_ONCE]
        path = place / f"{_digest(embedder, some, data_set.source, variants)}.npz"
        part = _kept(path, variants)
        if part is None:
            part = embed_quietly(embedder, some, data_set.source, variants, range(len(some)), on_tracklets)
            if not part.broken:  # what could not be read may be there the next time
                _keep(path, part)
        else:
            on_tracklets(len(some))
        parts.append((start, part))
    embedded = Embedded(
        rows=tuple(start + row for start, part in parts for row in part.rows),
        vectors={name: np.concatenate([part.vectors[name] for _, part in parts]) for name in variants},
        broken={name: reason for _, part in parts for name, reason in part.broken.items()},
    )
    check_read(embedded, records)
    return embedded


def _digest(
    embedder: Embedder, records: Sequence[TrackletRecord], source: StampedSource, variants: Sequence[str]
) -> str:
    """Return a name for the vectors of some tracklets that nothing else has."""
    about = embedder.describe()
    made_by = {name: about[name] for name in ("fingerprint", "policy", "flip", "half", "clip_length")}
    made_by |= {"device": str(about["device"]).partition(":")[0], "version": package_version()}
    digest = hashlib.sha256(json.dumps([_FORMAT, made_by, list(variants)], sort_keys=True).encode())
    for record in records:
        picked = clip_indices(len(record.frames), embedder.clip_length, embedder.policy)
        stamps = source.stamp([record.frames[index] for index in np.unique(picked).tolist()])
        digest.update(json.dumps([len(record.frames), stamps]).encode())
    return digest.hexdigest()


def _keep(path: Path, part: Embedded) -> None:
    """Write vectors, whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as building, building.open("wb") as file:
            arrays: dict[str, Any] = {f"vectors/{name}": each for name, each in part.vectors.items()}
            np.savez(file, rows=np.array(part.rows, dtype=np.int64), **arrays)
    except OSError as error:
        raise OutputError(
            f"vectors cannot be kept in {path.parent}: {error.strerror}; name another folder in the variable "
            f"{VARIABLE}, or keep none"
        ) from error


def _kept(path: Path, variants: Sequence[str]) -> Embedded | None:
    """Read vectors; None where there are none, or a disk has damaged them."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            rows = tuple(content["rows"].tolist())
            vectors = {name: content[f"vectors/{name}"] for name in variants}
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        return None
    return Embedded(rows, vectors, {})
