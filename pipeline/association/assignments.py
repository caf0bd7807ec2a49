"""From tracklets to identities: a method's groups, those with little evidence, and a score for every answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from pipeline.association.average_link import average_link
from pipeline.association.candidates import count_candidates
from pipeline.association.centring import centred
from pipeline.association.hungarian import hungarian
from pipeline.association.k_reciprocal import refined
from pipeline.association.online import online
from pipeline.association.problem import Clusters, Problem
from pipeline.constraints import Constraints, Stay
from pipeline.vector_index import Neighbours, VectorIndex
from reid.errors import ConfigError

_MOST_PASSES = 5

AVERAGE_LINK = "average-link"
METHODS: dict[str, Callable[[Problem], Clusters]] = {
    AVERAGE_LINK: average_link,
    "hungarian": hungarian,
    "online": online,
}


def check_method(name: str) -> None:
    """Refuse a method that does not exist.

    Raises:
        ConfigError: lists the known ones.
    """
    if name not in METHODS:
        raise ConfigError(f"association.method: {name!r} is none of {', '.join(METHODS)}")


@dataclass(frozen=True)
class Assignment:
    """What association says of one tracklet.

    Attributes:
        identity_id: from 1 in order of first appearance; None is unknown.
        match_score: mean cosine similarity to the identity's other tracklets; None when it is alone or unknown.
        runner_up_score: mean cosine similarity to that other identity, of those that one of the `candidates_k` nearest
            tracklets belongs to, which fits best, times counted; None when they belong to no other.
        runner_up_identity_id: that identity.
        runner_up_conflict: what speaks against this tracklet being of it, in words, where a constraint does.
        way_score: what the times of the ways to and from the identity's other tracklets counted beside `match_score`,
            where usual times are known.
        margin: how much better the identity fits than the runner-up, times counted for both; None where either is none.
    """

    identity_id: int | None
    match_score: float | None
    runner_up_score: float | None
    runner_up_identity_id: int | None
    runner_up_conflict: str | None = None
    way_score: float | None = None
    margin: float | None = None


def associate(
    embeddings: np.ndarray,
    stays: Sequence[Stay],
    has_evidence: Sequence[bool],
    constraints: Constraints,
    index: VectorIndex,
    *,
    threshold: float | Callable[[int], float],
    candidates_k: int,
    method: str = AVERAGE_LINK,
    k_reciprocal: int = 0,
    camera_prior: float | None = None,
    per_nat: float = 0.0,
    together: Sequence[Sequence[int]] = (),
) -> list[Assignment]:
    """Group tracklets into identities.

    Tracklets with enough evidence are grouped by the method; each group is an identity. Then every other tracklet joins
    the identity it resembles most, if it may and the similarity reaches the threshold; otherwise it stays unknown.

    Average link, and whoever joins late, is compared with the identities of its `candidates_k` nearest among the
    tracklets that may found one, and with no other, so that the cost grows with N k. With k of N - 1 or more the answer
    is as if all were compared with all. The other methods compare with everyone.

    Args:
        embeddings: (N, D) float32, rows L2-normalised; a zero row belongs to nobody.
        stays: N, where and when each tracklet was.
        has_evidence: N, whether the tracklet may found an identity.
        constraints: which tracklets can't be one person.
        index: the index over `embeddings`.
        threshold: mean cosine similarity from which two groups are one person; or what gives it for the number of
            people that somebody could be taken for (`count_candidates`). That is known only afterwards: first every
            tracklet counts as a person, then those who were found, until the number stays, at most `_MOST_PASSES`
            times. Fewer people need less likeness, so it never rises.
        candidates_k: neighbours looked at for each tracklet, >= 1.
        method: a key of `METHODS`.
        k_reciprocal: group by vectors that `refined` has moved, with so many neighbours; 0 for the vectors themselves.
            Scores are those of the vectors themselves in any case.
        camera_prior: group once, then once more by vectors from which `centred` has taken each camera's mean over those
            who were found, weighed against so many people; scores are those of these vectors. None groups once.
        per_nat: what similarity is worth one nat of how usual the time of a way is, where the constraints know that.
        together: rows that somebody knows to be one person, in groups that share no row and that the constraints allow;
            evidence does not matter for them.

    Returns:
        N assignments in the order of the input. The same input gives the same output.
    """
    rows = np.asarray(embeddings, dtype=np.float64)
    known = {row for group in together for row in group}
    founders = [row for row, has in enumerate(has_evidence) if row in known or (has and rows[row].any())]
    units = sorted([*(sorted(group) for group in together), *([row] for row in founders if row not in known)])
    neighbours = index.neighbours(candidates_k, founders)

    def grouped(rows: np.ndarray, neighbours: Neighbours, similarity: float) -> Clusters:
        if k_reciprocal:
            rows = refined(rows, stays, neighbours, constraints, similarity, k_reciprocal)
        return METHODS[method](Problem(rows, stays, units, neighbours, constraints, similarity, per_nat))

    late = [row for row in range(len(rows)) if not has_evidence[row] and rows[row].any() and row not in known]

    def candidates_among(clusters: Clusters) -> int:
        return count_candidates([*units, *([row] for row in late)], clusters, stays, constraints)

    clusters, similarity = _settled(partial(grouped, rows, neighbours), units, candidates_among, threshold)
    if camera_prior is not None and clusters:
        person_of = {row: person for person, members in enumerate(clusters) for row in members}
        cameras = [stay.camera_id for stay in stays]
        rows = centred(rows, cameras, [person_of.get(row) for row in range(len(rows))], camera_prior)
        neighbours = VectorIndex(rows).neighbours(candidates_k, founders)
        clusters, similarity = _settled(partial(grouped, rows, neighbours), units, candidates_among, threshold)
    clusters.sort(key=lambda members: min((stays[row].start_s, stays[row].camera_id, row) for row in members))
    candidates = _candidate_identities(neighbours, clusters)

    def way_score(row: int, members: Sequence[int]) -> float | None:
        if not (per_nat and constraints.knows_times):
            return None
        nats = constraints.usualness([stays[row]], [stays[member] for member in members])
        return None if nats is None else per_nat * nats

    _join_late(rows, late, clusters, candidates, stays, constraints, similarity, way_score)
    return _explain(rows, clusters, candidates, stays, constraints, way_score)


def _settled(
    grouped: Callable[[float], Clusters],
    units: Clusters,
    candidates_among: Callable[[Clusters], int],
    threshold: float | Callable[[int], float],
) -> tuple[Clusters, float]:
    """Group with the threshold for as many people as units, then for those who were found, until it stays."""
    if not callable(threshold):
        return grouped(threshold), threshold
    people = candidates_among(units)
    similarity = threshold(people)
    clusters = grouped(similarity)
    for _ in range(_MOST_PASSES - 1):
        found = candidates_among(clusters)
        if found >= people:
            break
        people = found
        lower = threshold(people)
        if lower == similarity:
            break
        similarity = lower
        clusters = grouped(similarity)
    return clusters, similarity


def _candidate_identities(neighbours: Neighbours, clusters: Sequence[Sequence[int]]) -> list[np.ndarray]:
    """Give for every row the identities of its neighbours, ascending, each once."""
    identity_of = np.full(len(neighbours.rows), -1)
    for identity, members in enumerate(clusters):
        identity_of[members] = identity
    return [np.unique(identity_of[near[near >= 0]]) for near in neighbours.rows]


def _mean_scores(embedding: np.ndarray, identities: np.ndarray, sums: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Score one embedding (D,) against some identities, given the sum and number of everyone's members."""
    scores: np.ndarray = (sums[identities] @ embedding) / sizes[identities]
    return scores


def _sums_and_sizes(rows: np.ndarray, clusters: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    sums = np.array([rows[list(members)].sum(axis=0) for members in clusters]).reshape(len(clusters), rows.shape[1])
    return sums, np.array([len(members) for members in clusters], dtype=np.float64)


def _join_late(
    rows: np.ndarray,
    late: Sequence[int],
    clusters: list[list[int]],
    candidates: Sequence[np.ndarray],
    stays: Sequence[Stay],
    constraints: Constraints,
    threshold: float,
    way_score: Callable[[int, Sequence[int]], float | None],
) -> None:
    """Let tracklets with little evidence join the identities of others, the surest first; they found none."""
    sums, sizes = _sums_and_sizes(rows, clusters)  # of the founders: who joins late attracts nobody else
    scores = {
        row: _mean_scores(rows[row], candidates[row], sums, sizes)
        + np.array([way_score(row, clusters[identity]) or 0.0 for identity in candidates[row].tolist()])
        for row in late
        if len(candidates[row])
    }
    for row in sorted(scores, key=lambda row: (-scores[row].max(), row)):
        for position in np.argsort(-scores[row], kind="stable").tolist():
            if scores[row][position] < threshold:
                break
            members = clusters[candidates[row][position]]
            if constraints.allow([stays[row]], [stays[member] for member in members]):
                members.append(row)
                break


def _explain(
    rows: np.ndarray,
    clusters: Sequence[Sequence[int]],
    candidates: Sequence[np.ndarray],
    stays: Sequence[Stay],
    constraints: Constraints,
    way_score: Callable[[int, Sequence[int]], float | None],
) -> list[Assignment]:
    """Score every tracklet against its own identity and the best other one of its candidates."""

    def conflict(row: int, members: Sequence[int]) -> str | None:
        return constraints.conflict([stays[row]], [stays[member] for member in members])

    identity_of = {row: identity for identity, members in enumerate(clusters) for row in members}
    sums, sizes = _sums_and_sizes(rows, clusters)
    assignments = []
    for row, embedding in enumerate(rows):
        own = identity_of.get(row)
        if not embedding.any():
            assignments.append(Assignment(None if own is None else own + 1, None, None, None))
            continue
        match_score = of_way = None
        if own is not None and sizes[own] > 1:
            match_score = float((sums[own] - embedding) @ embedding / (sizes[own] - 1))
            of_way = way_score(row, [member for member in clusters[own] if member != row])
        others = candidates[row] if own is None else candidates[row][candidates[row] != own]
        scores = _mean_scores(embedding, others, sums, sizes)
        fits = scores + np.array([way_score(row, clusters[other]) or 0.0 for other in others.tolist()])
        best = int(np.argmax(fits)) if len(fits) else None
        margin = None if match_score is None or best is None else match_score + (of_way or 0.0) - float(fits[best])
        assignments.append(
            Assignment(
                identity_id=None if own is None else own + 1,
                match_score=match_score,
                runner_up_score=None if best is None else float(scores[best]),
                runner_up_identity_id=None if best is None else int(others[best]) + 1,
                runner_up_conflict=None if best is None else conflict(row, clusters[others[best]]),
                way_score=of_way,
                margin=margin,
            )
        )
    return assignments
