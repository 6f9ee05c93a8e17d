"""LiLAW on PyTorch tensors through the C ABI, without a copy: python3 lilaw.py liblilaw.so

The structures below are those of lilaw.h. CUDA tensors go the same way, through the functions that end in _cuda.
Processes that multiprocessing forks may use the library too, whatever its threads are doing at that moment.
"""

import ctypes as c
import sys


class Loss(c.Structure):
    _fields_ = [("kind", c.c_int32), ("parameters", c.c_double * 3)]


class Params(c.Structure):
    _fields_ = [("alpha", c.c_double), ("beta", c.c_double), ("delta", c.c_double)]


class Batch(c.Structure):
    _fields_ = [
        ("logits", c.c_void_p),
        ("rows", c.c_int64),
        ("classes", c.c_int64),
        ("logits_stride", c.c_int64),
        ("dtype", c.c_int32),
        ("labels", c.c_void_p),
        ("labels_stride", c.c_int64),
        ("loss", Loss),
        ("transition", c.c_void_p),
        ("transition_stride", c.c_int64),
    ]


class WeightedLossResult(c.Structure):
    _fields_ = [
        ("gradient", Params),
        ("objective", c.c_double),
        ("non_finite_rows", c.c_int64),
        ("invalid_labels", c.c_int64),
    ]


class WeightedLossArgs(c.Structure):
    _fields_ = [
        ("batch", Batch),
        ("params", c.POINTER(Params)),
        ("gradient", c.c_int32),
        ("normalize", c.c_int32),
        ("sample_weights", c.c_void_p),
        ("losses", c.c_void_p),
        ("weights", c.c_void_p),
        ("label_probs", c.c_void_p),
        ("max_probs", c.c_void_p),
        ("predictions", c.c_void_p),
        ("term_alpha", c.c_void_p),
        ("term_beta", c.c_void_p),
        ("term_delta", c.c_void_p),
        ("grad_logits", c.c_void_p),
        ("grad_stride", c.c_int64),
        ("result", c.POINTER(WeightedLossResult)),
    ]


class Lilaw:
    def __init__(self, path):
        self.library = c.CDLL(path)
        self.library.lilaw_last_error.restype = c.c_char_p

    def weighted_loss(self, logits, labels, params, weights, gradient):
        """Objective of a float32 batch; fills `weights` and `gradient`. Rows may be padded: strides are passed on."""
        for tensor in (logits, gradient):
            assert str(tensor.dtype) == "torch.float32" and tensor.stride(1) == 1 and tensor.device.type == "cpu"
        result = WeightedLossResult()
        args = WeightedLossArgs(
            batch=Batch(
                logits=logits.data_ptr(),
                rows=logits.shape[0],
                classes=logits.shape[1],
                logits_stride=logits.stride(0),
                labels=labels.data_ptr(),
            ),
            params=c.pointer(params),
            weights=weights.data_ptr(),
            grad_logits=gradient.data_ptr(),
            grad_stride=gradient.stride(0),
            result=c.pointer(result),
        )
        if self.library.lilaw_weighted_loss_cpu(c.byref(args)) != 0:
            raise ValueError(self.library.lilaw_last_error().decode())
        return result.objective


def lilaw_in_torch(logits, labels, alpha, beta, delta):
    """Weights and objective in PyTorch operations, for comparison; labels are int64."""
    import torch

    s = logits.softmax(1)
    u = s.gather(1, labels[:, None])[:, 0]
    v = s.max(1).values
    d = delta * u - v
    weight = torch.sigmoid(alpha * u - v) + torch.sigmoid(v - beta * u) + torch.exp(-d * d / 2)
    return weight, (weight * torch.nn.functional.cross_entropy(logits, labels, reduction="none")).mean()


def main():
    import torch

    torch.manual_seed(0)
    padded = 3 * torch.randn(256, 128)
    logits = padded[:, :100]
    labels = torch.randint(0, 100, (256,), dtype=torch.int32)
    weights = torch.empty(256)
    gradient = torch.empty(256, 100)
    params = Params(10, 2, 6)
    objective = Lilaw(sys.argv[1]).weighted_loss(logits, labels, params, weights, gradient)

    exact = logits.double().requires_grad_()
    exact_weights, exact_objective = lilaw_in_torch(exact, labels.long(), 10, 2, 6)
    exact_objective.backward()
    torch.testing.assert_close(torch.tensor(objective, dtype=torch.float64), exact_objective.detach(), rtol=1e-6, atol=0)
    torch.testing.assert_close(weights.double(), exact_weights.detach(), rtol=1e-6, atol=0)
    torch.testing.assert_close(gradient.double(), exact.grad, rtol=2e-6, atol=1e-10)
    print(f"objective {objective:.6f}, as in PyTorch")


if __name__ == "__main__":
    main()
