#!/usr/bin/env python3
"""Times the CUDA kernels of a lilaw library on a GPU, beside the device's copy bandwidth, PyTorch and Triton.

    bench.py PART LIBRARY --out FOLDER [--quick]

PART is one of

    bandwidth   large shapes: bytes moved over time, against a device copy of the same bytes
    small       small shapes with data in L2, against an empty kernel
    pytorch     a whole LiLAW step, host time included, against PyTorch eager and torch.compile
    triton      loss and gradient alone, against a fused cross-entropy in Triton and PyTorch's own

Every shape is checked against PyTorch in float64 before it is timed. Device times are medians of CUDA graph replays
over several sets of buffers, so that large shapes come from memory, not from the cache; what is compared is timed in
turns. Writes PART.csv after every shape, and prints which bars of the project are met. Runs beside check.py.
"""

import argparse
import csv
import os
import statistics
import sys
import time

import torch
import torch.nn.functional as F

import reference
from check import ROW_OUTPUTS, outputs
from lilaw import Library, Problem

DEVICE = torch.device("cuda")
PARAMS = (10.0, 2.0, 6.0)
NOT_HERE = 77
"""Exit status of a part that cannot run here; the last line says why."""


def problem_of(rows, classes, dtype, seed):
    rng = torch.Generator(device=DEVICE).manual_seed(seed)
    logits = (torch.randn(rows, classes, generator=rng, device=DEVICE) * 2).to(dtype)
    labels = torch.randint(classes, (rows,), generator=rng, device=DEVICE).int()
    return Problem(logits, labels, params=torch.tensor(PARAMS, dtype=torch.float64, device=DEVICE))


def check(library, rows, classes, dtype):
    """The first and last rows of a shape against float64."""
    problem = problem_of(rows, classes, dtype, 0)
    out = outputs(problem)
    library.weighted_loss(problem, out)
    torch.cuda.synchronize()
    some = torch.unique(torch.cat([torch.arange(min(rows, 64)), torch.arange(max(0, rows - 64), rows)])).to(DEVICE)
    z = problem.logits[some].double()
    expected = reference.weighted_loss(z, problem.labels[some], "cross-entropy", 0, PARAMS, "full", "none", None)
    for name in ["losses", "weights"]:
        torch.testing.assert_close(out[name][some].double(), expected[name], rtol=5e-7, atol=1e-7)
    scale = len(some) / rows
    tolerance = 5e-7 if dtype == torch.float32 else 2**-8
    grad = expected["grad_logits"] * scale
    size = grad.abs().amax().item()
    torch.testing.assert_close(out["grad_logits"][some].double(), grad, rtol=tolerance, atol=5e-7 * size)
    assert all(torch.isfinite(out[name]).all() for name in ROW_OUTPUTS if name != "predictions")


def graph_of(step):
    """Captures a function that queues work as a graph. The function runs once before, so that its set-up is not
    captured.
    """
    step()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph


def milliseconds(graph, runs):
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    for _ in range(runs):
        graph.replay()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end) / runs


def in_turns(graphs, calls, rounds, target_ms=20.0):
    """Median and quintiles of the time of one call of each graph, the graphs in turns. A graph holds `calls` calls."""
    runs = {name: max(1, int(target_ms / max(milliseconds(graph, 1), 1e-3))) for name, graph in graphs.items()}
    times = {name: [] for name in graphs}
    for _ in range(rounds):
        for name, graph in graphs.items():
            times[name].append(milliseconds(graph, runs[name]) / calls)
    return {name: quintiles(values) for name, values in times.items()}


def quintiles(values):
    p20, _, _, p80 = statistics.quantiles(values, n=5)
    return {"p20": p20, "p50": statistics.median(values), "p80": p80}


def variants(library, problem, grad_only, everything):
    """The same batch: loss and gradient alone, and with weights, u, v, predictions and the meta sums added."""
    params = problem.params
    plain = Problem(problem.logits, problem.labels)
    meta = torch.zeros(7, dtype=torch.int64, device=DEVICE)
    return {
        "loss + gradient": lambda: library.weighted_loss(plain, grad_only),
        "weights too": lambda: library.weighted_loss(problem, everything),
        "meta step": lambda: library.meta_step(Problem(problem.logits, problem.labels, params=params), meta, 0.0, 0.0),
    }


def bandwidth(library, options, report):
    """Large shapes: bytes moved over time, against a device copy of the same bytes in the same turns."""
    shapes = [(torch.float32, 2_000_000, 10), (torch.float32, 400_000, 100), (torch.float32, 65536, 1000),
              (torch.float32, 16384, 4096), (torch.float32, 8192, 16384), (torch.float32, 4096, 32000),
              (torch.float32, 2048, 128256), (torch.bfloat16, 400_000, 100), (torch.bfloat16, 131072, 1000),
              (torch.bfloat16, 16384, 16384), (torch.bfloat16, 8192, 32000)]  # fmt: skip
    for dtype, rows, classes in shapes[:: 4 if options.quick else 1]:
        check(library, rows, classes, dtype)
        element = torch.tensor([], dtype=dtype).element_size()
        sets = 3
        problems = [problem_of(rows, classes, dtype, seed) for seed in range(sets)]
        outs = [outputs(problem) for problem in problems]
        few = [{key: out[key] for key in ("losses", "grad_logits", "result")} for out in outs]
        copies = [(problem.logits, torch.empty_like(problem.logits)) for problem in problems]
        steps = {}
        for number, problem in enumerate(problems):
            for name, step in variants(library, problem, few[number], outs[number]).items():
                steps.setdefault(name, []).append(step)
        steps["copy"] = [lambda a=a, b=b: b.copy_(a) for a, b in copies]
        graphs = {name: graph_of(lambda calls=calls: [call() for call in calls]) for name, calls in steps.items()}
        times = in_turns(graphs, sets, options.rounds)
        passes = 3 if classes > 16384 else 2
        copied = 2 * rows * classes * element / times["copy"]["p50"] / 1e6
        moved = passes * rows * classes * element / times["loss + gradient"]["p50"] / 1e6
        cost = times["weights too"]["p50"] / times["loss + gradient"]["p50"] - 1
        report({
            "dtype": str(dtype)[6:], "rows": rows, "classes": classes, "megabytes": round(2 * rows * classes * element / 1e6),
            "copy_gb_s": round(copied), "gb_s": round(moved), "share_of_copy": round(moved / copied, 4),
            "weights_cost": round(cost, 4),
            **{f"{name} {q} ms": round(value, 5) for name, q_of in times.items() for q, value in q_of.items()},
        })  # fmt: skip
        print(f"  {str(dtype)[6:]:9} [{rows}, {classes}]: {moved:.0f} GB/s, {moved / copied:.1%} of a copy's {copied:.0f}; "
              f"weights cost {cost:+.1%}", flush=True)  # fmt: skip
        del graphs, problems, outs, few, copies, steps
        torch.cuda.empty_cache()


def small(library, options, report):
    """Small shapes with data in L2: device time of one call, against an empty kernel."""
    empty = torch.zeros(1, device=DEVICE)
    calls = 20
    for rows in (128, 1024):
        for classes in (10, 100):
            problem = problem_of(rows, classes, torch.float32, 0)
            out = outputs(problem)
            # The smallest kernel that PyTorch has: it sets one element.
            steps = {**variants(library, problem, {k: out[k] for k in ("losses", "grad_logits", "result")}, out),
                     "empty launch": lambda: empty.zero_()}  # fmt: skip
            graphs = {name: graph_of(lambda step=step: [step() for _ in range(calls)]) for name, step in steps.items()}
            times = in_turns(graphs, calls, options.rounds)
            ratio = times["weights too"]["p50"] / times["empty launch"]["p50"]
            report({"rows": rows, "classes": classes, "over_empty": round(ratio, 3),
                           **{f"{name} {q} us": round(v * 1e3, 3) for name, qs in times.items() for q, v in qs.items()}})  # fmt: skip
            print(f"  [{rows}, {classes}]: {times['weights too']['p50'] * 1e3:.2f} us, {ratio:.2f} of an empty launch", flush=True)


def weighted_loss(z, y, p):
    """LiLAW's objective as PyTorch programs would write it."""
    loss = F.cross_entropy(z, y, reduction="none")
    s = torch.softmax(z, 1)
    u, v = s.gather(1, y[:, None])[:, 0], s.amax(1)
    w = torch.sigmoid(p[0] * u - v) + torch.sigmoid(v - p[1] * u) + torch.exp(-((p[2] * u - v) ** 2) / 2)
    return (w * loss).mean()


def pytorch_step(objective, logits, labels, valid, valid_labels, params, rate=0.005):
    """Gradient on the logits, then the step of the scalars."""
    z = logits.detach().requires_grad_()
    (grad,) = torch.autograd.grad(objective(z, labels, params), z)
    p = params.detach().requires_grad_()
    (by_params,) = torch.autograd.grad(objective(valid, valid_labels, p), p)
    return grad, params - rate * by_params


def host_time(step, runs):
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(runs):
        step()
    torch.cuda.synchronize()
    return (time.perf_counter() - start) / runs * 1e6


def against_pytorch(library, options, report):
    """A whole LiLAW step, host time included: call by call, without graphs."""
    for rows, classes in [(128, 10), (128, 100), (1024, 100), (1024, 1000), (8192, 10), (8192, 1000)][:: 3 if options.quick else 1]:
        # Reset, since torch.compile gives up after several shapes. Only the objective is compiled: gradients taken
        # inside a compiled function are not traced.
        torch.compiler.reset()
        compiled = torch.compile(weighted_loss, dynamic=False)
        train, valid = problem_of(rows, classes, torch.float32, 0), problem_of(rows, classes, torch.float32, 1)
        train.params = valid.params
        out, meta = outputs(train, ["losses", "weights"]), torch.zeros(7, dtype=torch.int64, device=DEVICE)
        y, yv = train.labels.long(), valid.labels.long()
        p32 = torch.tensor(PARAMS, device=DEVICE)
        weigh, move = library.weighted_loss_args(train, out), library.meta_step_args(valid, meta, 0.0, 0.0)
        stream = torch.cuda.current_stream().cuda_stream

        def native():
            library.call("weighted_loss", weigh, rows, DEVICE, stream)
            library.call("meta_step", move, rows, DEVICE, stream)

        steps = {"lilaw": native,
                 "eager": lambda: pytorch_step(weighted_loss, train.logits, y, valid.logits, yv, p32),
                 "compile": lambda: pytorch_step(compiled, train.logits, y, valid.logits, yv, p32)}  # fmt: skip
        native()
        grad, _ = steps["eager"]()
        torch.testing.assert_close(out["grad_logits"], grad, rtol=1e-3, atol=2e-6 / rows)
        torch.testing.assert_close(steps["compile"]()[0], grad, rtol=1e-3, atol=2e-6 / rows)
        for step in steps.values():
            host_time(step, 20)
        times = {name: [] for name in steps}
        for _ in range(options.rounds):
            for name, step in steps.items():
                times[name].append(host_time(step, 100))
        of = {name: quintiles(values) for name, values in times.items()}
        over = {name: of[name]["p50"] / of["lilaw"]["p50"] for name in ("eager", "compile")}
        report({"rows": rows, "classes": classes, "eager_over_lilaw": round(over["eager"], 2),
                       "compile_over_lilaw": round(over["compile"], 2),
                       **{f"{name} {q} us": round(v, 2) for name, qs in of.items() for q, v in qs.items()}})  # fmt: skip
        print(f"  [{rows}, {classes}]: {of['lilaw']['p50']:.1f} us a step; eager {over['eager']:.1f}x, compile {over['compile']:.1f}x", flush=True)


def against_triton(library, options, report):
    """Unweighted loss and gradient, the work that all three compute; device time."""
    try:
        from fused_cross_entropy import check as check_triton
        from fused_cross_entropy import fused_cross_entropy
    except ImportError as error:
        print(error)
        sys.exit(NOT_HERE)
    check_triton(DEVICE)
    shapes = [(torch.float32, 65536, 1000), (torch.float32, 16384, 4096), (torch.float32, 4096, 32000),
              (torch.float32, 2048, 128256), (torch.bfloat16, 131072, 1000), (torch.bfloat16, 8192, 32000)]  # fmt: skip
    for dtype, rows, classes in shapes[:: 3 if options.quick else 1]:
        check(library, rows, classes, dtype)
        problem = problem_of(rows, classes, dtype, 0)
        problem.params = None
        out = outputs(problem, ["losses"])
        losses, grad = torch.empty(rows, device=DEVICE), torch.empty_like(problem.logits)
        leaf = problem.logits.clone().requires_grad_()
        labels = problem.labels.long()

        steps = {
            "lilaw": lambda: library.weighted_loss(problem, out),
            "triton": lambda: fused_cross_entropy(problem.logits, problem.labels, losses, grad),
            "pytorch": lambda: torch.autograd.grad(F.cross_entropy(leaf, labels), leaf),
        }
        steps["lilaw"]()
        steps["triton"]()
        tolerance = 1e-4 if dtype == torch.float32 else 2**-7
        torch.testing.assert_close(out["losses"], losses, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(out["grad_logits"], grad, rtol=tolerance, atol=1e-6 / rows)
        times = in_turns({name: graph_of(step) for name, step in steps.items()}, 1, options.rounds)
        over = {name: times[name]["p50"] / times["lilaw"]["p50"] for name in ("triton", "pytorch")}
        report({"dtype": str(dtype)[6:], "rows": rows, "classes": classes, "triton_over_lilaw": round(over["triton"], 3),
                "pytorch_over_lilaw": round(over["pytorch"], 3),
                **{f"{name} {q} ms": round(value, 5) for name, qs in times.items() for q, value in qs.items()}})  # fmt: skip
        print(f"  {str(dtype)[6:]:9} [{rows}, {classes}]: triton {over['triton']:.2f}x, PyTorch {over['pytorch']:.2f}x", flush=True)
        del steps, times, out, losses, grad, leaf
        torch.cuda.empty_cache()


def bars(part, rows):
    """The bars of the project: (name, value, "<=" or ">=", bar)."""
    for row in rows:
        shape = f"[{row['rows']}, {row['classes']}]"
        if part == "bandwidth":
            # Up to 16384 classes one read and one write are counted, beyond two reads and one write.
            bar = 0.85 if row["dtype"] != "float32" or row["classes"] > 16384 else 0.92
            yield f"{row['dtype']} {shape} of copy bandwidth", row["share_of_copy"], ">=", bar
            yield f"{row['dtype']} {shape} cost of weights", row["weights_cost"], "<=", 0.03
        if part == "small":
            yield f"{shape} over an empty launch", row["over_empty"], "<=", 2.0
        if part == "pytorch":
            yield f"{shape} eager over lilaw", row["eager_over_lilaw"], ">=", 8.0
            yield f"{shape} compile over lilaw", row["compile_over_lilaw"], ">=", 1.5


PARTS = {"bandwidth": bandwidth, "small": small, "pytorch": against_pytorch, "triton": against_triton}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("library")
    parser.add_argument("--out", required=True, help="folder for the CSV files")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--quick", action="store_true", help="a few shapes only")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("Expected a CUDA device but PyTorch finds none")
    library = Library(options.library, "cuda")
    library.workspace(10**7, DEVICE)
    about = {"device": torch.cuda.get_device_name(), "torch": torch.__version__, "cuda": torch.version.cuda,
             "date": time.strftime("%Y-%m-%d"), "commit": os.environ.get("LILAW_COMMIT", "")}  # fmt: skip
    rows = []

    def report(row):
        """Written at once, so that a run that ends early keeps its results."""
        rows.append(row | about)
        with open(os.path.join(options.out, f"{options.part}.csv"), "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)

    PARTS[options.part](library, options, report)
    for what, value, sign, bar in bars(options.part, rows):
        holds = value >= bar if sign == ">=" else value <= bar
        print(f"{'reached' if holds else 'MISSED '} {what}: {value} {sign} {bar}")


if __name__ == "__main__":
    main()
