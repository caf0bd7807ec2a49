"""What there is to know of each data set: how it is recognised and read, how big it is said to be, where it is had."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from reid.data import dukemtmc, folder, ilids, mars, prid
from reid.data.mars_layout import INDEX
from reid.data.reading import Published, Reading
from reid.data.two_cameras import NUM_SPLITS
from reid.errors import ConfigError


@dataclass(frozen=True)
class Entry:
    """A data set that vreid reads.

    Attributes:
        title: its makers' name for it.
        read: reads it from its folder.
        layouts: what has to lie in its folder, in each of the forms in which it is found; none for one's own, which may
            hold anything.
        usual_folders: what its folder is often called.
        not_with: what never lies in its folder, but in that of one that is laid out alike.
        num_splits: how many splits it has.
        published: what its makers say there is of it, by the names of `Reading.parts`; None where nobody does.
        advice: where it is had, as a sentence.
    """

    title: str
    read: Callable[[Path], Reading]
    layouts: tuple[tuple[str, ...], ...]
    usual_folders: tuple[str, ...]
    advice: str
    not_with: str | None = None
    num_splits: int = 1
    published: Mapping[str, Published] | None = None


CATALOGUE: dict[str, Entry] = {
    "mars": Entry(
        title="MARS",
        read=mars.read_mars,
        layouts=((*mars.IMAGE_FOLDERS, *mars.TABLES),),
        usual_folders=("mars", "MARS", "Mars"),
        not_with=INDEX,
        published=mars.PUBLISHED,
        advice="MARS is had from its makers, zheng-lab.cecs.anu.edu.au/Project/project_mars.html (bbox_train.zip, "
        "bbox_test.zip), and the folder info from github.com/liangzheng06/MARS-evaluation.",
    ),
    "dukemtmc": Entry(
        title="DukeMTMC-VideoReID",
        read=dukemtmc.read_dukemtmc,
        layouts=dukemtmc.LAYOUTS,
        usual_folders=(
            "dukemtmc-vidreid/DukeMTMC-VideoReID",
            "dukemtmc-vidreid/dukemtmc_videoReID",
            "DukeMTMC-VideoReID",
            "dukemtmc_videoReID",
            "dukemtmc",
            "duke",
        ),
        published=dukemtmc.PUBLISHED,
        advice="DukeMTMC was withdrawn by its makers in 2019 over the privacy of the people in it, so it cannot be had "
        "any more; vreid reads it for those who hold it.",
    ),
    "ilids": Entry(
        title=ilids.TITLE,
        read=ilids.read_ilids,
        layouts=ilids.LAYOUTS,
        usual_folders=("ilids-vid", "iLIDS-VID", "ilidsvid", "ilids"),
        num_splits=NUM_SPLITS,
        published=ilids.PUBLISHED,
        advice="iLIDS-VID is had from its makers at Queen Mary University of London, "
        "www.eecs.qmul.ac.uk/~xiatian/downloads_qmul_iLIDS-VID_ReID_dataset.html (iLIDS-VID.tar, which has the ten "
        "standard splits).",
    ),
    "prid": Entry(
        title=prid.TITLE,
        read=prid.read_prid,
        layouts=prid.LAYOUTS,
        usual_folders=("prid2011", "prid_2011", "PRID2011", "PRID-2011", "prid"),
        num_splits=NUM_SPLITS,
        published=prid.PUBLISHED,
        advice="PRID-2011 is had from its makers at Graz University of Technology, "
        "www.tugraz.at/institute/icg/research/team-bischof/lrs/downloads/PRID11 (prid_2011.zip); "
        "splits_prid2011.json, the ten standard splits, is linked from torchreid's page of data sets.",
    ),
    "synthetic": Entry(
        title="made-up people",
        read=mars.read_synthetic,
        layouts=((INDEX, *mars.IMAGE_FOLDERS, *mars.TABLES),),
        usual_folders=("synthetic",),
        advice="vreid synth tracklets --out FOLDER makes it; nothing is downloaded.",
    ),
    "folder": Entry(
        title="a folder of one's own tracklets",
        read=folder.read_folder,
        layouts=(),
        usual_folders=(),
        advice="One's own tracklets lie in <person>/<camera>/<tracklet>/<image>.jpg, or in a CSV file with columns "
        "image, person, camera, tracklet and split.",
    ),
}


def find_entry(name: str) -> Entry:
    """Look a data set up.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in CATALOGUE:
        raise ConfigError(f"no data set is called {name!r}; there are {', '.join(CATALOGUE)}")
    return CATALOGUE[name]
