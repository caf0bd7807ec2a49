"""Several processes that train as one.

`torchrun` starts the processes and tells each its place in the environment. Everything here also works in a process
that stands alone.
"""

from reid.distributed.batch_norm import synchronise_batch_norm
from reid.distributed.collectives import barrier, broadcast_object, gather_objects, gather_with_gradient
from reid.distributed.world import World, start_world

__all__ = [
    "World",
    "barrier",
    "broadcast_object",
    "gather_objects",
    "gather_with_gradient",
    "start_world",
    "synchronise_batch_norm",
]
