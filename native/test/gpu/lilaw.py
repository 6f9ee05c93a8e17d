"""The C ABI of lilaw on PyTorch tensors, by ctypes and without copies.

Every function takes tensors on one device: the host for the form "cpu", a CUDA device for the form "cuda" (or the host
where the library is the shim's, whose device is the host).
"""

import ctypes as c
from dataclasses import dataclass, field

import torch

KINDS = [
    "cross-entropy", "focal", "label-smoothing", "binary", "multi-label", "regression", "generalized-cross-entropy",
    "symmetric-cross-entropy", "mean-absolute-error",
]  # fmt: skip
OF_LABEL_PROB = ["cross-entropy", "focal", *KINDS[6:]]
"""The losses of u, which can have a transition matrix."""
DTYPES = [torch.float32, torch.float16, torch.bfloat16]
ROW_OUTPUTS = ["losses", "weights", "label_probs", "max_probs", "predictions", "term_alpha", "term_beta", "term_delta"]


class Loss(c.Structure):
    _fields_ = [("kind", c.c_int32), ("parameters", c.c_double * 3)]


class Params(c.Structure):
    _fields_ = [("alpha", c.c_double), ("beta", c.c_double), ("delta", c.c_double)]


class Batch(c.Structure):
    _fields_ = [
        ("logits", c.c_void_p), ("rows", c.c_int64), ("classes", c.c_int64), ("logits_stride", c.c_int64),
        ("dtype", c.c_int32), ("labels", c.c_void_p), ("labels_stride", c.c_int64), ("loss", Loss),
        ("transition", c.c_void_p), ("transition_stride", c.c_int64),
    ]  # fmt: skip


class WeightedLossArgs(c.Structure):
    _fields_ = [
        ("batch", Batch), ("params", c.c_void_p), ("gradient", c.c_int32), ("normalize", c.c_int32),
        ("sample_weights", c.c_void_p), *((name, c.c_void_p) for name in ROW_OUTPUTS),
        ("grad_logits", c.c_void_p), ("grad_stride", c.c_int64), ("result", c.c_void_p),
    ]  # fmt: skip


class MetaGradientArgs(c.Structure):
    _fields_ = [("batch", Batch), ("params", c.c_void_p), ("coefficients", c.c_void_p), ("result", c.c_void_p)]


class MetaStepArgs(c.Structure):
    _fields_ = [
        ("meta_gradient", MetaGradientArgs), ("params", c.c_void_p), ("learning_rate", Params),
        ("weight_decay", Params), ("clamp", c.c_int32),
    ]  # fmt: skip


class AlignmentWeightsArgs(c.Structure):
    _fields_ = [
        ("batch", Batch), ("tangents", c.c_void_p), ("tangents_stride", c.c_int64), ("alignments", c.c_void_p),
        ("weights", c.c_void_p), ("result", c.c_void_p),
    ]  # fmt: skip


@dataclass
class Problem:
    """A batch: logits [rows, classes] with any row stride, labels as lilaw.h wants them."""

    logits: torch.Tensor
    labels: torch.Tensor
    kind: str = "cross-entropy"
    parameters: tuple = ()
    params: torch.Tensor | None = None  # float64 [3]
    transition: torch.Tensor | None = None  # float32 [classes, classes] with any row stride, by observed labels
    extra: dict = field(default_factory=dict)

    @property
    def rows(self):
        return self.logits.shape[0]

    @property
    def classes(self):
        return self.logits.shape[1]


def _address(tensor):
    return None if tensor is None else tensor.data_ptr()


class Library:
    def __init__(self, path, form):
        self._library = c.CDLL(path)
        self.form = form
        self._library.lilaw_last_error.restype = c.c_char_p
        self._library.lilaw_cuda_workspace_bytes.restype = c.c_size_t
        self._library.lilaw_cuda_workspace_bytes.argtypes = [c.c_int64]
        self._workspace = None
        self._capturing = None

    def call(self, name, args, rows, device, stream=None):
        if self.form == "cpu":
            return self._do(f"{name}_cpu", c.byref(args))
        if stream is None:
            stream = self._capturing or (torch.cuda.current_stream().cuda_stream if device.type == "cuda" else 0)
        workspace = c.c_void_p(self.workspace(rows, device).data_ptr())
        return self._do(f"{name}_cuda", c.byref(args), workspace, c.c_void_p(stream))

    def capture(self, record):
        """What `record()` queues, as a graph on a stream of its own: a function that does it, and waits."""
        stream, graph = c.c_void_p(), c.c_void_p()
        self._do("stream_create", c.byref(stream))
        self._do("stream_begin_capture", stream)
        self._capturing = stream.value
        record()
        self._capturing = None
        self._do("stream_end_capture", stream, c.byref(graph))

        def launch():
            self._do("graph_launch", graph, stream)
            self._do("stream_synchronize", stream)

        return launch

    def _do(self, name, *args):
        status = getattr(self._library, f"lilaw_{name}")(*args)
        if status != 0:
            raise RuntimeError(f"{name}: status {status}: {self._library.lilaw_last_error().decode()}")

    def workspace(self, rows, device):
        """Grows and is kept, as a training loop would do it."""
        size = self._library.lilaw_cuda_workspace_bytes(rows)
        if self._workspace is None or self._workspace.numel() < size or self._workspace.device != device:
            self._workspace = torch.full((size,), 0xAB, dtype=torch.uint8, device=device)
        return self._workspace

    @staticmethod
    def batch(problem):
        logits, labels = problem.logits, problem.labels
        return Batch(
            logits=logits.data_ptr(), rows=problem.rows, classes=problem.classes, logits_stride=logits.stride(0),
            dtype=DTYPES.index(logits.dtype), labels=labels.data_ptr(),
            labels_stride=labels.stride(0) if labels.dim() == 2 else 0,
            loss=Loss(KINDS.index(problem.kind), (c.c_double * 3)(*problem.parameters)),
            transition=_address(problem.transition),
            transition_stride=0 if problem.transition is None else problem.transition.stride(0),
        )  # fmt: skip

    def weighted_loss_args(self, problem, out, gradient="full", normalize="none", sample_weights=None):
        """`out` has tensors for the outputs wanted, and for "result" 48 bytes."""
        grad = out.get("grad_logits")
        return WeightedLossArgs(
            batch=self.batch(problem), params=_address(problem.params), gradient=int(gradient == "detached"),
            normalize=int(normalize == "batch-mean"), sample_weights=_address(sample_weights),
            **{name: _address(out.get(name)) for name in ROW_OUTPUTS}, grad_logits=_address(grad),
            grad_stride=0 if grad is None else grad.stride(0), result=out["result"].data_ptr(),
        )  # fmt: skip

    def weighted_loss(self, problem, out, **options):
        args = self.weighted_loss_args(problem, out, **options)
        self.call("weighted_loss", args, problem.rows, problem.logits.device)

    def meta_gradient_args(self, problem, result, coefficients=None):
        return MetaGradientArgs(self.batch(problem), _address(problem.params), _address(coefficients), result.data_ptr())

    def meta_gradient(self, problem, result, coefficients=None):
        args = self.meta_gradient_args(problem, result, coefficients)
        self.call("meta_gradient", args, problem.rows, problem.logits.device)

    def meta_step_args(self, problem, result, learning_rate, weight_decay, clamp=False):
        return MetaStepArgs(
            self.meta_gradient_args(problem, result), problem.params.data_ptr(), Params(*[learning_rate] * 3),
            Params(*[weight_decay] * 3), int(clamp),
        )  # fmt: skip

    def meta_step(self, problem, result, learning_rate, weight_decay, clamp=False):
        args = self.meta_step_args(problem, result, learning_rate, weight_decay, clamp)
        self.call("meta_step", args, problem.rows, problem.logits.device)

    def alignment_weights(self, problem, tangents, alignments, weights, result):
        args = AlignmentWeightsArgs(
            self.batch(problem), tangents.data_ptr(), tangents.stride(0), _address(alignments), _address(weights),
            result.data_ptr(),
        )  # fmt: skip
        self.call("alignment_weights", args, problem.rows, problem.logits.device)
