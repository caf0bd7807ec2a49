"""How well identities are found across cameras, with detection, tracking and embedding as they are.

    python benchmarks/association_on_scenes.py --detector yolo11n_int8_openvino_model --runs FOLDER \\
        [--scenes 2x10 4x30 8x100] [--seconds 40] [--seeds 0 1 2] [--far 0.01 0.05] [--k-reciprocal 0] \\
        [--twins 0.4] [--weights auto]

Definition. Scenes of `vreid synth scene` (10 frames a second, 960x540), CAMERASxPEOPLE, of each seed: ways that take
time, people who come again, clocks that are off, people dressed alike by chance, with --twins also exactly. Each runs
once through `vreid run` with its `site.yaml`; runs and scenes are kept in the folder. Then it is associated anew by
each method, with the topology of `site.yaml` (known times of ways, cameras that never show the same spot), without,
and with what `vreid topology learn` makes of the run itself when it was associated without.

  IDF1, ceiling   over all cameras, as `vreid evaluate` counts; the ceiling is the same boxes with the true identities
  false links     of the pairs of tracklets that were given one identity, the share that are different people
  missed links    of the pairs of tracklets of one person, the share that were not given one identity
  false alarms    what `--far` promises, measured: each tracklet with enough evidence in turn, as if the others of its
                  person were not there; the share that is as like as the threshold asks, on average, to the tracklets
                  of another person, where nothing known of the place speaks against it

A tracklet is of the person whom most of its boxes show (match by overlap of half or more); those of which most boxes
show nobody are left out. Means over the seeds, and the standard deviation of IDF1 / ceiling.

Results, seeds 0 to 2, 40 seconds, YOLO11n int8 and the checkpoint that comes with vreid (other work on the machine).
First, as stays are:

  scene    topology  far    method         IDF1   of ceiling  (sd)    false links  missed links
  2x10     yes      0.010  average-link  0.889       0.949  (0.016)        0.000         0.189
  2x10     yes      0.010  hungarian     0.872       0.931  (0.036)        0.000         0.220
  2x10     yes      0.010  online        0.872       0.931  (0.010)        0.000         0.224
  2x10     yes      0.050  average-link  0.901       0.962  (0.017)        0.026         0.151
  2x10     yes      0.050  hungarian     0.884       0.944  (0.020)        0.029         0.182
  2x10     yes      0.050  online        0.903       0.964  (0.020)        0.025         0.136
  4x30     yes      0.010  average-link  0.794       0.868  (0.047)        0.023         0.341
  4x30     yes      0.010  hungarian     0.798       0.872  (0.050)        0.030         0.338
  4x30     yes      0.010  online        0.783       0.855  (0.040)        0.025         0.363
  4x30     yes      0.050  average-link  0.830       0.908  (0.020)        0.047         0.238
  4x30     yes      0.050  hungarian     0.837       0.915  (0.013)        0.029         0.249
  4x30     yes      0.050  online        0.830       0.907  (0.019)        0.047         0.235
  4x30     no       0.010  average-link  0.797       0.871  (0.049)        0.022         0.330
  4x30     no       0.010  hungarian     0.789       0.862  (0.057)        0.034         0.372
  4x30     no       0.010  online        0.785       0.858  (0.041)        0.024         0.352
  4x30     no       0.050  average-link  0.833       0.910  (0.023)        0.047         0.226
  4x30     no       0.050  hungarian     0.826       0.903  (0.018)        0.025         0.269
  4x30     no       0.050  online        0.832       0.910  (0.021)        0.046         0.224

  8x100    yes      0.010  average-link  0.717       0.790  (0.033)        0.007         0.557
  8x100    yes      0.010  hungarian     0.715       0.789  (0.036)        0.009         0.559
  8x100    yes      0.010  online        0.712       0.785  (0.037)        0.007         0.564
  8x100    yes      0.050  average-link  0.794       0.876  (0.024)        0.010         0.381
  8x100    yes      0.050  hungarian     0.776       0.856  (0.016)        0.017         0.441
  8x100    yes      0.050  online        0.788       0.870  (0.024)        0.017         0.392
  8x100    no       0.010  average-link  0.716       0.790  (0.033)        0.007         0.556
  8x100    no       0.050  average-link  0.798       0.881  (0.023)        0.013         0.368

Then, with each camera's mean taken off, average link alone; with --twins 0.4 (two of five people dressed like one
other), and in a crowd:

  2x10     yes      0.010  average-link  0.887       0.947  (0.018)        0.000         0.206
  2x10     yes      0.050  average-link  0.909       0.971  (0.004)        0.019         0.150
  4x30     yes      0.010  average-link  0.794       0.868  (0.046)        0.008         0.347
  4x30     yes      0.050  average-link  0.847       0.926  (0.007)        0.021         0.213
  4x30     no       0.010  average-link  0.796       0.870  (0.047)        0.008         0.336
  4x30     no       0.050  average-link  0.849       0.929  (0.007)        0.020         0.202
  8x100    yes      0.010  average-link  0.734       0.810  (0.032)        0.009         0.546
  8x100    yes      0.050  average-link  0.796       0.878  (0.021)        0.010         0.393
  8x100    no       0.010  average-link  0.734       0.810  (0.031)        0.009         0.547
  8x100    no       0.050  average-link  0.800       0.882  (0.021)        0.013         0.383

  4x30     yes      0.010  average-link  0.726       0.785  (0.077)        0.185         0.469
  4x30     yes      0.050  average-link  0.768       0.832  (0.044)        0.174         0.377
  4x30     no       0.010  average-link  0.708       0.767  (0.055)        0.284         0.403
  4x30     no       0.050  average-link  0.738       0.799  (0.027)        0.283         0.313

  2x60     yes      0.010  average-link  0.691       0.799  (0.067)        0.004         0.506
  2x60     yes      0.050  average-link  0.758       0.877  (0.025)        0.006         0.338
  2x60     no       0.010  average-link  0.688       0.796  (0.060)        0.004         0.506
  2x60     no       0.050  average-link  0.760       0.879  (0.025)        0.008         0.326

Last, with the threshold for those whom a stay could be taken for, calibrated on people of 20 places:

  scene    topology  far    method         IDF1   of ceiling  (sd)    false links  missed links  false alarms
  2x10     yes      0.010  average-link  0.901       0.960  (0.017)        0.023         0.163        0.0000
  2x10     yes      0.010  hungarian     0.884       0.942  (0.023)        0.027         0.199        0.0000
  2x10     yes      0.010  online        0.903       0.963  (0.018)        0.022         0.145        0.0000
  2x10     yes      0.050  average-link  0.918       0.978  (0.010)        0.053         0.120        0.0479
  2x10     yes      0.050  hungarian     0.896       0.955  (0.021)        0.033         0.156        0.0350
  2x10     yes      0.050  online        0.906       0.966  (0.027)        0.086         0.135        0.0479
  2x10     no       0.010  average-link  0.890       0.949  (0.017)        0.000         0.181        0.0000
  2x10     no       0.010  hungarian     0.880       0.938  (0.028)        0.029         0.217        0.0000
  2x10     no       0.010  online        0.876       0.933  (0.005)        0.000         0.227        0.0000
  2x10     no       0.050  average-link  0.912       0.972  (0.005)        0.022         0.138        0.0239
  2x10     no       0.050  hungarian     0.896       0.954  (0.021)        0.025         0.174        0.0239
  2x10     no       0.050  online        0.912       0.972  (0.006)        0.029         0.120        0.0239
  2x10     learned  0.010  average-link  0.910       0.970  (0.003)        0.023         0.156        0.0111
  2x10     learned  0.010  hungarian     0.893       0.952  (0.024)        0.027         0.192        0.0111
  2x10     learned  0.010  online        0.912       0.972  (0.005)        0.022         0.138        0.0111
  2x10     learned  0.050  average-link  0.918       0.978  (0.010)        0.053         0.120        0.0607
  2x10     learned  0.050  hungarian     0.873       0.930  (0.033)        0.043         0.194        0.0465
  2x10     learned  0.050  online        0.893       0.952  (0.046)        0.101         0.143        0.0722
  4x30     yes      0.010  average-link  0.839       0.918  (0.038)        0.016         0.241        0.0000
  4x30     yes      0.010  hungarian     0.839       0.917  (0.018)        0.017         0.254        0.0000
  4x30     yes      0.010  online        0.811       0.887  (0.034)        0.029         0.294        0.0000
  4x30     yes      0.050  average-link  0.848       0.927  (0.015)        0.027         0.203        0.0238
  4x30     yes      0.050  hungarian     0.835       0.913  (0.013)        0.029         0.242        0.0238
  4x30     yes      0.050  online        0.837       0.915  (0.014)        0.055         0.216        0.0238
  4x30     no       0.010  average-link  0.815       0.890  (0.051)        0.000         0.304        0.0000
  4x30     no       0.010  hungarian     0.809       0.884  (0.042)        0.000         0.332        0.0000
  4x30     no       0.010  online        0.809       0.885  (0.057)        0.000         0.296        0.0000
  4x30     no       0.050  average-link  0.851       0.931  (0.019)        0.016         0.221        0.0038
  4x30     no       0.050  hungarian     0.830       0.908  (0.015)        0.018         0.278        0.0038
  4x30     no       0.050  online        0.828       0.906  (0.040)        0.048         0.245        0.0114
  4x30     learned  0.010  average-link  0.826       0.903  (0.052)        0.016         0.271        0.0000
  4x30     learned  0.010  hungarian     0.813       0.889  (0.026)        0.018         0.310        0.0000
  4x30     learned  0.010  online        0.821       0.897  (0.064)        0.016         0.273        0.0000
  4x30     learned  0.050  average-link  0.847       0.927  (0.015)        0.027         0.208        0.0157
  4x30     learned  0.050  hungarian     0.822       0.900  (0.009)        0.030         0.275        0.0119
  4x30     learned  0.050  online        0.828       0.905  (0.029)        0.059         0.230        0.0195
  8x100    yes      0.010  average-link  0.792       0.874  (0.022)        0.008         0.403        0.0011
  8x100    yes      0.010  hungarian     0.775       0.855  (0.019)        0.011         0.459        0.0011
  8x100    yes      0.010  online        0.780       0.860  (0.034)        0.005         0.422        0.0011
  8x100    yes      0.050  average-link  0.825       0.911  (0.020)        0.021         0.315        0.0174
  8x100    yes      0.050  hungarian     0.786       0.868  (0.019)        0.033         0.401        0.0142
  8x100    yes      0.050  online        0.812       0.896  (0.021)        0.032         0.336        0.0174
  8x100    no       0.010  average-link  0.773       0.852  (0.031)        0.009         0.449        0.0011
  8x100    no       0.010  hungarian     0.745       0.822  (0.024)        0.012         0.526        0.0011
  8x100    no       0.010  online        0.767       0.846  (0.037)        0.008         0.463        0.0011
  8x100    no       0.050  average-link  0.809       0.893  (0.014)        0.031         0.346        0.0164
  8x100    no       0.050  hungarian     0.782       0.863  (0.019)        0.028         0.429        0.0121
  8x100    no       0.050  online        0.791       0.873  (0.022)        0.051         0.364        0.0174
  8x100    learned  0.010  average-link  0.787       0.868  (0.031)        0.003         0.419        0.0011
  8x100    learned  0.010  hungarian     0.765       0.844  (0.018)        0.013         0.488        0.0011
  8x100    learned  0.010  online        0.778       0.858  (0.038)        0.009         0.440        0.0011
  8x100    learned  0.050  average-link  0.819       0.904  (0.022)        0.024         0.324        0.0198
  8x100    learned  0.050  hungarian     0.782       0.862  (0.014)        0.035         0.418        0.0143
  8x100    learned  0.050  online        0.805       0.888  (0.024)        0.044         0.342        0.0187

With --twins 0.4:

  4x30     yes      0.010  average-link  0.782       0.846  (0.077)        0.147         0.371        0.0543
  4x30     yes      0.010  hungarian     0.765       0.827  (0.038)        0.136         0.425        0.0506
  4x30     yes      0.010  online        0.784       0.848  (0.070)        0.136         0.373        0.0506
  4x30     yes      0.050  average-link  0.804       0.870  (0.059)        0.144         0.304        0.0819
  4x30     yes      0.050  hungarian     0.774       0.837  (0.027)        0.162         0.398        0.0701
  4x30     yes      0.050  online        0.795       0.860  (0.067)        0.151         0.332        0.0819
  4x30     no       0.010  average-link  0.720       0.778  (0.067)        0.276         0.334        0.2474
  4x30     no       0.010  hungarian     0.741       0.801  (0.063)        0.222         0.429        0.2358
  4x30     no       0.010  online        0.717       0.774  (0.089)        0.259         0.352        0.2474
  4x30     no       0.050  average-link  0.732       0.792  (0.048)        0.288         0.289        0.2944
  4x30     no       0.050  hungarian     0.757       0.819  (0.033)        0.211         0.406        0.2826
  4x30     no       0.050  online        0.726       0.785  (0.066)        0.306         0.311        0.2907
  4x30     learned  0.010  average-link  0.719       0.777  (0.066)        0.276         0.334        0.2474
  4x30     learned  0.010  hungarian     0.734       0.793  (0.056)        0.224         0.437        0.2358
  4x30     learned  0.010  online        0.717       0.775  (0.089)        0.262         0.347        0.2474
  4x30     learned  0.050  average-link  0.731       0.791  (0.047)        0.284         0.289        0.2984
  4x30     learned  0.050  hungarian     0.756       0.818  (0.032)        0.231         0.400        0.2866
  4x30     learned  0.050  online        0.726       0.785  (0.066)        0.306         0.311        0.2988

A crowd:

  2x60     yes      0.010  average-link  0.744       0.861  (0.030)        0.003         0.378        0.0000
  2x60     yes      0.010  hungarian     0.707       0.818  (0.034)        0.003         0.455        0.0000
  2x60     yes      0.010  online        0.735       0.850  (0.034)        0.000         0.410        0.0000
  2x60     yes      0.050  average-link  0.778       0.900  (0.023)        0.028         0.283        0.0102
  2x60     yes      0.050  hungarian     0.708       0.819  (0.037)        0.028         0.432        0.0068
  2x60     yes      0.050  online        0.765       0.884  (0.033)        0.045         0.307        0.0102
  2x60     no       0.010  average-link  0.722       0.835  (0.041)        0.000         0.434        0.0000
  2x60     no       0.010  hungarian     0.685       0.792  (0.038)        0.000         0.508        0.0000
  2x60     no       0.010  online        0.718       0.830  (0.041)        0.000         0.439        0.0000
  2x60     no       0.050  average-link  0.777       0.899  (0.019)        0.005         0.295        0.0131
  2x60     no       0.050  hungarian     0.703       0.813  (0.023)        0.029         0.448        0.0115
  2x60     no       0.050  online        0.759       0.878  (0.017)        0.022         0.322        0.0147
  2x60     learned  0.010  average-link  0.758       0.877  (0.033)        0.009         0.358        0.0016
  2x60     learned  0.010  hungarian     0.692       0.800  (0.043)        0.016         0.485        0.0016
  2x60     learned  0.010  online        0.740       0.856  (0.029)        0.008         0.391        0.0016
  2x60     learned  0.050  average-link  0.778       0.900  (0.025)        0.033         0.284        0.0203
  2x60     learned  0.050  hungarian     0.694       0.803  (0.036)        0.064         0.461        0.0151
  2x60     learned  0.050  online        0.766       0.886  (0.029)        0.045         0.294        0.0203

So a topology that is known finds more, since it leaves fewer people to take somebody for; what is learned from the run
itself comes near it, except where twins teach it wrong ways. False alarms keep to what was promised but for twins, and
learned times in 2x10 (0.011 and 0.06 of some ninety stays).

With --k-reciprocal 3, as stays are:

  2x10     yes      0.010  average-link  0.889       0.949  (0.016)        0.000         0.189
  2x10     yes      0.050  average-link  0.911       0.972  (0.009)        0.025         0.104
  2x10     no       0.050  average-link  0.892       0.952  (0.031)        0.111         0.104
  4x30     yes      0.010  average-link  0.812       0.887  (0.045)        0.022         0.308
  4x30     yes      0.010  hungarian     0.810       0.885  (0.042)        0.031         0.322
  4x30     yes      0.010  online        0.807       0.882  (0.040)        0.041         0.308
  4x30     yes      0.050  average-link  0.841       0.920  (0.003)        0.047         0.212
  4x30     no       0.010  average-link  0.814       0.890  (0.047)        0.045         0.297
  4x30     no       0.050  average-link  0.831       0.909  (0.014)        0.080         0.193
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from pipeline import run_pipeline
from pipeline.association.assignments import METHODS
from pipeline.association.centring import centred
from pipeline.config import AssociationConfig, TopologyConfig
from pipeline.constraints import Constraints
from pipeline.evaluation import evaluate
from pipeline.evaluation_inputs import read_result, read_truth_folder
from pipeline.evaluation_matching import match_frame
from pipeline.identities import stays_of
from pipeline.mot import TrackBox, TruthBox
from pipeline.reassociation import calibration_of, clock_of, reassociate, settings_of
from pipeline.run_directory import RunDirectory
from pipeline.site import load_site
from pipeline.synthetic_scene import write_scene
from pipeline.topology_learning import learn_topology
from pipeline.tracklets import ENOUGH
from reid.config import override
from reid.data.synthetic.scenes.scene import SceneOptions

KNOWN = ("yes", "no", "learned")


@dataclass(frozen=True)
class Figures:
    """What one association of one scene reached."""

    idf1: float
    ceiling: float
    false_links: float
    missed_links: float
    false_alarms: float


def made(folder: Path, options: SceneOptions, detector: str, weights: str) -> tuple[Path, Path]:
    """Make a scene and a run of it, unless they are there."""
    name = f"{options.cameras}x{options.people}-{options.seconds:g}s-{options.seed}"
    name += f"-twins{options.twins:g}" if options.twins else ""
    scene, run = folder / f"scene-{name}", folder / f"run-{name}"
    if not scene.exists():
        write_scene(options, scene)
    if not run.exists():
        settings = override(
            load_site(scene / "site.yaml"), {"detector.name": detector, "embedder.weights": weights}, where="benchmark"
        )
        run_pipeline(settings, run)
    return scene, run


def true_people(run: Path, scene: Path) -> list[int | None]:
    """Say for each tracklet of a run whom most of its boxes show."""
    rows, truth = RunDirectory(run).tracklets, read_truth_folder(scene)
    seen: list[Counter[int]] = [Counter() for _ in rows]
    for camera, boxes in read_result(run).boxes.items():
        tracks = defaultdict(list)
        for index, row in enumerate(rows):
            if row.camera_id == camera:
                tracks[row.mot_id].append((row.first_frame, row.last_frame, index))
        people: dict[int, list[TruthBox]] = defaultdict(list)
        for person in truth[camera].boxes:
            people[person.frame_index].append(person)
        found: dict[int, list[TrackBox]] = defaultdict(list)
        for box in boxes:
            found[box.frame_index].append(box)
        for frame, here in found.items():
            matched = match_frame(people[frame], here)
            shown = dict(zip(matched.found_by.tolist(), matched.person_ids.tolist(), strict=True))
            for position, mot_id in enumerate(matched.result_ids.tolist()):
                for first, last, index in tracks[mot_id]:
                    if first <= frame <= last:
                        seen[index][shown.get(position, 0)] += 1
    best = [counts.most_common(1)[0][0] if counts else 0 for counts in seen]
    return [person or None for person in best]


def false_alarms(run: RunDirectory, people: Sequence[int | None]) -> float:
    """Search for each tracklet among all people but its own, as the run compares them."""
    manifest, rows = run.manifest, run.tracklets
    association = manifest["association"]
    stays = stays_of(rows, {camera["camera_id"]: clock_of(camera) for camera in manifest["cameras"]})
    vectors = centred(
        run.embeddings.astype(np.float64),
        [row.camera_id for row in rows],
        [row.identity_id for row in rows],
        association["camera_prior"],
    )
    constraints = Constraints(settings_of(run)[1])
    groups = {person: [row for row, other in enumerate(people) if other == person] for person in set(people) - {None}}
    means = {person: vectors[group].mean(axis=0) for person, group in groups.items()}
    calibration = calibration_of(run)
    per_nat = 0.0 if calibration is None else calibration.similarity_per_nat

    def is_taken_for(row: int, person: int) -> bool:
        one, others = [stays[row]], [stays[other] for other in groups[person]]
        score = means[person] @ vectors[row] + per_nat * (constraints.usualness(one, others) or 0.0)
        return bool(score >= association["threshold"]) and constraints.allow(one, others)

    asked = [row for row, person in enumerate(people) if person and rows[row].evidence == ENOUGH]
    alarms = [any(is_taken_for(row, person) for person in groups if person != people[row]) for row in asked]
    return sum(alarms) / max(1, len(asked))


def topology_of(scene: Path, run: Path, known: str) -> TopologyConfig:
    """Say what is known of a place, as `KNOWN` names it."""
    if known == "yes":
        return load_site(scene / "site.yaml").topology
    if known == "learned":
        reassociate(run, AssociationConfig(), TopologyConfig(), warn=lambda _: None)
        return learn_topology(run, warn=lambda _: None).topology
    return TopologyConfig()


def score(run: Path, scene: Path) -> Figures:
    """Score a run as it stands."""
    rows, people = RunDirectory(run).tracklets, true_people(run, scene)
    result = read_result(run)
    scored = evaluate(result.boxes, read_truth_folder(scene), result.analysed).all_cameras
    links = Counter[tuple[bool, bool]]()
    for one, other in combinations([index for index, person in enumerate(people) if person], 2):
        linked = rows[one].identity_id is not None and rows[one].identity_id == rows[other].identity_id
        links[linked, people[one] == people[other]] += 1
    return Figures(
        scored.tracking.idf1,
        scored.ceiling.idf1,
        links[True, False] / max(1, links[True, False] + links[True, True]),
        links[False, True] / max(1, links[False, True] + links[True, True]),
        false_alarms(RunDirectory(run), people),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detector", required=True, help="YOLO weights")
    parser.add_argument("--weights", default="auto", help="re-ID checkpoint")
    parser.add_argument("--runs", type=Path, required=True, help="folder for scenes and runs")
    parser.add_argument("--scenes", nargs="+", default=["2x10", "4x30", "8x100"], help="CAMERASxPEOPLE")
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--twins", type=float, default=0.0, help="share of people dressed like one other")
    parser.add_argument("--k-reciprocal", type=int, default=0)
    parser.add_argument("--far", nargs="+", type=float, default=[0.01, 0.05])
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    arguments = parser.parse_args()
    arguments.runs.mkdir(parents=True, exist_ok=True)
    print("scene    topology  far    method         IDF1   of ceiling  (sd)    false links  missed links  false alarms")
    for name in arguments.scenes:
        cameras, people = map(int, name.split("x"))
        places = [
            made(
                arguments.runs,
                SceneOptions(
                    cameras=cameras, people=people, seconds=arguments.seconds, seed=seed, twins=arguments.twins
                ),
                arguments.detector,
                arguments.weights,
            )
            for seed in arguments.seeds
        ]
        for known in KNOWN:
            for far in arguments.far:
                for method in arguments.methods:
                    figures = []
                    for scene, run in places:
                        settings = AssociationConfig(method=method, far=far, k_reciprocal=arguments.k_reciprocal)
                        topology = topology_of(scene, run, known)
                        reassociate(run, settings, topology, warn=lambda _: None)
                        figures.append(score(run, scene))
                    shares = [figure.idf1 / figure.ceiling for figure in figures]
                    columns = np.array(
                        [(one.idf1, one.false_links, one.missed_links, one.false_alarms) for one in figures]
                    ).mean(axis=0)
                    print(
                        f"{name:8} {known:8} {far:5.3f}  {method:13} {columns[0]:5.3f}  "
                        f"{np.mean(shares):10.3f}  ({np.std(shares):.3f})  {columns[1]:11.3f}  {columns[2]:12.3f}  "
                        f"{columns[3]:12.4f}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
