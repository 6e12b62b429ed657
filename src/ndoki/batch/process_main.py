"""What another process of a run does: hear what it is sent.

Started as ``python -m ndoki.batch.process_main``. It reads an `Order` from its standard input and then one
`Errand` after the other, and writes what was heard to its standard output, all pickled. It holds nothing that
could be lost, and ends when its input does: when the run ends, however it ends.
"""

import os
import pickle
import sys

from ndoki.batch.memory import keep_freed_memory
from ndoki.batch.order import Order, detector_of, do_errand
from ndoki.batch.processes import READY

__all__ = ["main"]


def main() -> None:
    """Hear until the input ends."""
    # Whatever a library prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    keep_freed_memory()
    order: Order = pickle.load(sys.stdin.buffer)  # noqa: S301 -- from the process that started this one
    detector_of(order)
    pickle.dump(READY, answers)
    answers.flush()
    while True:
        errand = pickle.load(sys.stdin.buffer)  # noqa: S301 -- as above
        pickle.dump(do_errand(order, errand), answers)
        answers.flush()


if __name__ == "__main__":
    try:
        main()
    except (EOFError, BrokenPipeError):
        # The run is over, or gone. What is left in the buffer of a broken pipe must not be told of either.
        os._exit(0)
