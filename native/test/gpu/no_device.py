#!/usr/bin/env python3
"""Without a driver or a device, the CUDA half of a library says so and does nothing: no_device.py LIBRARY"""

import ctypes
import sys

import torch

from check import outputs
from lilaw import Library, Problem

UNAVAILABLE = 6

library = ctypes.CDLL(sys.argv[1])
library.lilaw_last_error.restype = ctypes.c_char_p
count, memory = ctypes.c_int32(-1), ctypes.c_void_p()
versions = ctypes.c_int32(), ctypes.c_int32()
calls = {
    "lilaw_cuda_device_count": [ctypes.byref(count)],
    "lilaw_buffer_create": [ctypes.c_int64(64), ctypes.byref(memory)],
    "lilaw_stream_create": [ctypes.byref(memory)],
}
for name, arguments in calls.items():
    status = getattr(library, name)(*arguments)
    assert status == UNAVAILABLE, f"{name}: expected status {UNAVAILABLE} but received {status}"
    print(f"{name}: {library.lilaw_last_error().decode()}")
problem = Problem(torch.zeros(2, 3), torch.zeros(2).int(), params=torch.ones(3, dtype=torch.float64))
out = outputs(problem)
try:
    Library(sys.argv[1], "cuda").weighted_loss(problem, out)
    sys.exit("weighted_loss: expected to be refused")
except RuntimeError as error:
    assert f"status {UNAVAILABLE}" in str(error), error
    print(error)
assert (out["losses"] < 0).all(), "weighted_loss: wrote an output"

library.lilaw_cuda_versions(*map(ctypes.byref, versions))
print(f"driver {versions[0].value}, runtime {versions[1].value}, devices {count.value}")
