"""Forked children use the library while its threads in the parent are at work: python3 fork.py liblilaw.so [children]

A fork copies locks and conditions as they are at that moment, but only the thread that forks. Prints "done", or says which
child is still waiting after 20 seconds and ends with status 1.
"""

import ctypes as c
import multiprocessing
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "examples" / "python"))

from lilaw import Batch, Lilaw, Params, WeightedLossArgs, WeightedLossResult  # noqa: E402

# A batch just large enough for several threads
ROWS, CLASSES = 512, 64
logits = (c.c_float * (ROWS * CLASSES))(*[k % 7 for k in range(ROWS * CLASSES)])
labels = (c.c_int32 * ROWS)(*[i % CLASSES for i in range(ROWS)])
params = Params(10, 2, 6)


def objective(library, calls):
    result = WeightedLossResult()
    args = WeightedLossArgs(
        batch=Batch(c.addressof(logits), ROWS, CLASSES, CLASSES, 0, c.addressof(labels)),
        params=c.pointer(params),
        result=c.pointer(result),
    )
    for _ in range(calls):
        if library.lilaw_weighted_loss_cpu(c.byref(args)) != 0:
            raise ValueError(library.lilaw_last_error().decode())
    return result.objective


def compute(library, expected):
    assert objective(library, 20) == expected
    assert library.lilaw_threads() == 4


def main():
    library = Lilaw(sys.argv[1]).library
    children = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    assert library.lilaw_set_threads(4) == 0
    expected = objective(library, 1)

    stopped = threading.Event()

    def keep_busy():
        while not stopped.is_set():
            objective(library, 10)

    threading.Thread(target=keep_busy, daemon=True).start()
    context = multiprocessing.get_context("fork")
    for number in range(children):
        child = context.Process(target=compute, args=(library, expected))
        child.start()
        child.join(20)
        if child.exitcode is None:
            child.kill()
            print(f"child {number} waits for ever")
            sys.exit(1)
        if child.exitcode != 0:
            print(f"child {number} ended with {child.exitcode}")
            sys.exit(1)
    stopped.set()
    print("done")


if __name__ == "__main__":
    main()
