"""Protocols by name: what is searched for in what. A score without its protocol's name compares with nothing.

    mars-official       all 12,180 tracklets of the test set are searched, queries among them; junk does not count
    mars-9330           the 9,330 tracklets that are no queries; 140 queries find nobody there and are counted apart
    dukemtmc-official   702 queries in 2,636 tracklets, queries among them
    ilids-10            one camera's tracklets search the other's, ten splits, mean and deviation
    prid-10             the same
    synthetic           made-up people, as mars-official
    folder              one's own tracklets, as mars-official

In all of them a query's own person in its own camera is left out, and with it the query itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reid.data.records import DataSet
from reid.errors import ConfigError


@dataclass(frozen=True)
class Protocol:
    """What is searched for in what.

    Attributes:
        name: as it is printed.
        data_set: the set that it is for.
        queries_in_gallery: whether a query can be found by another query.
    """

    name: str
    data_set: str
    queries_in_gallery: bool = True

    def apply(self, data_set: DataSet) -> DataSet:
        """Return a data set with this protocol's gallery."""
        if self.queries_in_gallery:
            return data_set
        queries = set(data_set.query)
        return replace(data_set, gallery=tuple(row for row in data_set.gallery if row not in queries))


# The first of a data set is taken where nobody chooses.
PROTOCOLS = (
    Protocol("mars-official", "mars"),
    Protocol("mars-9330", "mars", queries_in_gallery=False),
    Protocol("dukemtmc-official", "dukemtmc"),
    Protocol("ilids-10", "ilids"),
    Protocol("prid-10", "prid"),
    Protocol("synthetic", "synthetic"),
    Protocol("folder", "folder"),
)


def choose_protocols(data_set: str, names: Sequence[str] = ()) -> tuple[Protocol, ...]:
    """Choose the protocols for a data set.

    Args:
        data_set: its name.
        names: of protocols, of any data sets.

    Returns:
        Those of the data set among them, in their order; its first one where none is named.

    Raises:
        ConfigError: there is no such protocol.
    """
    known = {protocol.name: protocol for protocol in PROTOCOLS}
    for name in names:
        if name not in known:
            raise ConfigError(f"protocol: {name!r} is none of {', '.join(known)}")
    of_set = [protocol for protocol in PROTOCOLS if protocol.data_set == data_set]
    chosen = [known[name] for name in dict.fromkeys(names) if known[name] in of_set]
    return tuple(chosen or of_set[:1])
