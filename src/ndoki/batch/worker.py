"""What a worker of a Dask cluster does: take an order, and hear stretches by it."""

import hashlib
import pickle
from importlib.metadata import version

from distributed import WorkerPlugin

from ndoki.batch.memory import keep_freed_memory
from ndoki.batch.order import Errand, Order, Told, detector_of, do_errand, this_process
from ndoki.core.errors import ClusterError

__all__ = ["Orders", "hear"]

_orders: "dict[str, Order]" = {}


class Orders(WorkerPlugin):  # type: ignore[misc]
    """Brings an order to every worker, also to those that come later.

    The order travels as bytes, so that another version of Ndoki refuses it before it tries to read it.
    """

    def __init__(self, order: Order) -> None:
        self.version = version("ndoki")
        self.content = pickle.dumps(order)
        self.name = f"ndoki-{hashlib.sha256(self.version.encode() + self.content).hexdigest()[:32]}"

    def setup(self, worker: object) -> None:
        """Take the order.

        Raises
        ------
        ClusterError
            This worker would hear something else than the one who gives the order.
        """
        del worker
        if self.version != version("ndoki"):
            raise ClusterError(
                f"{this_process()} has Ndoki {version('ndoki')} instead of {self.version}; "
                "install the same version"
            )
        order = pickle.loads(self.content)  # noqa: S301 -- Dask itself runs whatever it is sent
        detector_of(order)
        # Dask has its workers give back whatever is freed: twice the processor time for a stretch.
        keep_freed_memory()
        _orders[self.name] = order


def hear(name: str, errand: Errand) -> Told:
    """Hear stretches of a file, by the order that `Orders` gave that name.

    Raises
    ------
    ClusterError
        This worker cannot do what the order wants, whatever the file.
    """
    order = _orders.get(name)
    if order is None:
        raise ClusterError(
            f"{this_process()} has Ndoki {version('ndoki')} and no order from this run; probably it has "
            "another version or another detector than the computer that began the run, see the worker's log"
        )
    return do_errand(order, errand)
