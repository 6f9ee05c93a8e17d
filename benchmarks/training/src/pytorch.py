"""Training steps in PyTorch, on request of another process: python3 pytorch.py FOLDER THREADS

FOLDER holds float32 files: `x` and `y` (class indices), `validation-x` and `validation-y`, a file for each weight of the
network (convolutions [height, width, in, out], dense layers [in, out]), and `network.json` with their shapes.

A line of input is a request as JSON, a line of output its answer:

    {"do": "step", "method": NAME}            {"weights": [B], "scalars": [3], "loss": L}: one step on the first batch
                                              with as many validation samples, from the initial weights; the batch's
                                              mean loss after it
    {"do": "train", "method": NAME, "steps": N, "validation_batch": M}          {"seconds": S}
"""

import json
import os
import sys
import time

import numpy
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call, jvp

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../../native/examples/python"))
from lilaw import lilaw_in_torch  # noqa: E402


class Mlp(nn.Module):
    def __init__(self, shapes):
        super().__init__()
        self.hidden = nn.Linear(*shapes["hidden/kernel"])
        self.output = nn.Linear(*shapes["output/kernel"])

    def forward(self, x):
        return self.output(F.relu(self.hidden(x)))


class Cnn(nn.Module):
    def __init__(self, shapes):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.output = nn.Linear(*shapes["output/kernel"])

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.output(x.flatten(1))


class Block(nn.Module):
    def __init__(self, channels, filters):
        super().__init__()
        self.stride = 1 if channels == filters else 2
        # "Same" padding of TensorFlow: with stride 2 on even sizes, one row below and one column to the right.
        self.conv1 = nn.Conv2d(channels, filters, 3, self.stride, padding=1 if self.stride == 1 else 0, bias=False)
        self.bn1 = normalization(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, padding=1, bias=False)
        self.bn2 = normalization(filters)
        self.shortcut = nn.Identity() if self.stride == 1 else nn.Conv2d(channels, filters, 1, 2, bias=False)

    def forward(self, x):
        padded = x if self.stride == 1 else F.pad(x, (0, 1, 0, 1))
        first = F.relu(self.bn1(self.conv1(padded)))
        return F.relu(self.bn2(self.conv2(first)) + self.shortcut(x))


class ResNet8(nn.Module):
    def __init__(self, shapes):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.stem_bn = normalization(16)
        self.block1, self.block2, self.block3 = Block(16, 16), Block(16, 32), Block(32, 64)
        self.output = nn.Linear(*shapes["output/kernel"])

    def forward(self, x):
        x = F.relu(self.stem_bn(self.stem(x)))
        x = self.block3(self.block2(self.block1(x)))
        return self.output(x.mean((2, 3)))


def normalization(channels):
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


NETWORKS = {"mlp": Mlp, "cnn": Cnn, "resnet8": ResNet8}
PARAMETERS = {"kernel": "weight", "bias": "bias", "gamma": "weight", "beta": "bias",
              "moving_mean": "running_mean", "moving_variance": "running_var"}  # fmt: skip


def read(folder, name, shape):
    return torch.from_numpy(numpy.fromfile(os.path.join(folder, name), numpy.float32).reshape(shape))


def in_torch_layout(name, weight, flattened):
    if name.endswith("/kernel") and weight.dim() == 4:
        return weight.permute(3, 2, 0, 1)
    if name == "output/kernel" and flattened:
        # The rows of the kernel go through [height, width, channels], PyTorch's flatten through [channels, height, width].
        return weight.reshape(*flattened, -1).permute(3, 2, 0, 1).flatten(1)
    return weight.T if name.endswith("/kernel") else weight


def build(name, weights):
    """The network with the given weights, tensors by the names of tfjs ("block1_conv1/kernel")."""
    network = NETWORKS[name]({key: tuple(weight.shape) for key, weight in weights.items()})
    with torch.no_grad():
        for key, weight in weights.items():
            layer, parameter = key.split("/")
            prefix, _, rest = layer.partition("_")
            module = network.get_submodule(f"{prefix}.{rest}" if prefix.startswith("block") else layer)
            target = getattr(module, PARAMETERS[parameter])
            target.copy_(in_torch_layout(key, weight, (7, 7, 32) if name == "cnn" else None))
    # The faster of PyTorch's layouts for these networks.
    return network.to(memory_format=torch.channels_last).train()


class Training:
    """A network, its Adam and LiLAW's three scalars."""

    def __init__(self, name, weights):
        self.network = build(name, weights)
        # tfjs's constants; fused is the fastest of PyTorch's forms.
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-3, eps=1e-7, fused=True)
        self.scalars = [torch.tensor(start, requires_grad=True) for start in (10.0, 2.0, 6.0)]
        self.scalar_optimizer = torch.optim.SGD(self.scalars, lr=0.005, weight_decay=1e-4)

    def update(self, objective):
        self.optimizer.zero_grad()
        objective.backward()
        self.optimizer.step()

    def parameters(self):
        return dict(self.network.named_parameters())

    def copy_of_buffers(self):
        return {name: buffer.clone() for name, buffer in self.network.named_buffers()}

    def call(self, parameters, x):
        """Runs in training mode, but leaves the moving batch statistics unchanged."""
        return functional_call(self.network, (parameters, self.copy_of_buffers()), x)


def plain(training, x, y, *_):
    training.update(F.cross_entropy(training.network(x), y))
    return torch.ones(len(x))


def lilaw(training, x, y, xv, yv, second_backward):
    frozen = [p.detach() for p in training.scalars]
    weights, objective = lilaw_in_torch(training.network(x), y, *frozen)
    training.update(objective)
    training.network.eval()
    with torch.set_grad_enabled(second_backward):
        logits = training.network(xv)
    training.network.train()
    _, objective = lilaw_in_torch(logits, yv, *training.scalars)
    training.scalar_optimizer.zero_grad()
    objective.backward()
    training.scalar_optimizer.step()
    return weights


def lilaw_as_written(*args):
    """Algorithm 1 as written: the backward pass of the validation loss goes through the whole network, which is not
    needed.
    """
    return lilaw(*args, second_backward=True)


def lilaw_on_logits(*args):
    return lilaw(*args, second_backward=False)


def normalized(alignments):
    positive = alignments.clamp(min=0)
    total = positive.sum()
    return positive / total if total > 0 else positive


def l2rw_double_differentiation(training, x, y, xv, yv):
    """As published: takes a step with weights of 0, and differentiates the validation loss after it with respect to
    these weights.
    """
    parameters = training.parameters()
    epsilon = torch.zeros(len(x), requires_grad=True)
    weighted = (epsilon * F.cross_entropy(training.call(parameters, x), y, reduction="none")).sum()
    gradients = torch.autograd.grad(weighted, list(parameters.values()), create_graph=True)
    moved = {name: p - 1e-3 * g for (name, p), g in zip(parameters.items(), gradients)}
    (by_epsilon,) = torch.autograd.grad(F.cross_entropy(training.call(moved, xv), yv), epsilon)
    weights = normalized(-by_epsilon)
    losses = F.cross_entropy(training.network(x), y, reduction="none")
    training.update((weights * losses).sum())
    return weights * len(x)


def l2rw_jvp(training, x, y, xv, yv):
    """The same weights by one forward-mode pass. It is the training pass as well, and updates the batch
    statistics.
    """
    parameters = training.parameters()
    objective = F.cross_entropy(training.call(parameters, xv), yv)
    direction = dict(zip(parameters, torch.autograd.grad(objective, list(parameters.values()))))

    def forward(p):
        buffers = training.copy_of_buffers()
        return functional_call(training.network, (p, buffers), x), buffers

    logits, tangents, buffers = jvp(forward, (parameters,), (direction,), has_aux=True)
    with torch.no_grad():
        for name, buffer in training.network.named_buffers():
            buffer.copy_(buffers[name])
        errors = torch.softmax(logits, 1) - F.one_hot(y, logits.shape[1])
        weights = normalized((errors * tangents).sum(1))
    losses = F.cross_entropy(logits, y, reduction="none")
    training.update((weights * losses).sum())
    return weights * len(x)


METHODS = {
    "plain": plain,
    "lilaw, as the paper writes it": lilaw_as_written,
    "lilaw, without the second backward": lilaw_on_logits,
    "l2rw, double differentiation": l2rw_double_differentiation,
    "l2rw, torch.func.jvp": l2rw_jvp,
}


class Driver:
    def __init__(self, folder):
        with open(os.path.join(folder, "network.json"), encoding="utf-8") as file:
            self.about = json.load(file)
        self.weights = {key: read(folder, f"{key.replace('/', '.')}", shape) for key, shape in self.about["weights"].items()}
        self.train = self.samples(folder, "")
        self.validation = self.samples(folder, "validation-")
        self.trainings = {}

    def samples(self, folder, prefix):
        x = read(folder, f"{prefix}x", (-1, *self.about["inputShape"]))
        if x.dim() == 4:
            x = x.permute(0, 3, 1, 2)  # in memory the channels stay last
        return x, read(folder, f"{prefix}y", (-1,)).long()

    def start(self):
        return Training(self.about["model"], self.weights)

    def step(self, method):
        training = self.start()
        x, y, xv, yv = (tensor[: self.about["batchSize"]] for tensor in (*self.train, *self.validation))
        weights = METHODS[method](training, x, y, xv, yv)
        training.network.eval()
        with torch.no_grad():
            loss = F.cross_entropy(training.network(x), y)
        return {"weights": weights.tolist(), "scalars": [p.item() for p in training.scalars], "loss": float(loss)}

    def epochs(self, method, steps, validation_batch):
        """`steps` steps on shuffled batches, each with a random validation batch."""
        if method not in self.trainings:
            self.trainings[method] = self.start()
        training = self.trainings[method]
        (x, y), (xv, yv), batch = self.train, self.validation, self.about["batchSize"]
        begin = time.perf_counter()
        order = torch.randperm(len(x))
        for step in range(steps):
            rows = order[step * batch : (step + 1) * batch]
            held = torch.randperm(len(xv))[:validation_batch]
            METHODS[method](training, x[rows], y[rows], xv[held], yv[held])
        return {"seconds": time.perf_counter() - begin}

    def answer(self, request):
        match request.pop("do"):
            case "version":
                return {"torch": torch.__version__, "threads": torch.get_num_threads()}
            case "step":
                return self.step(**request)
            case "train":
                return self.epochs(**request)


def main():
    folder, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    torch.manual_seed(1)
    driver = Driver(folder)
    for line in sys.stdin:
        print(json.dumps(driver.answer(json.loads(line))), flush=True)


main()
