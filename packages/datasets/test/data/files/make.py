"""Makes the NPZ files of this folder with NumPy, so that the tests read real files of NumPy."""

import pathlib

import numpy as np

here = pathlib.Path(__file__).parent
rng = np.random.default_rng(1)


def images(count, *shape):
    return rng.integers(0, 256, (count, *shape), dtype=np.uint8)


def labels(count):
    return (np.arange(count) % 3).astype(np.uint8).reshape(-1, 1)


splits = {"train": 6, "val": 3, "test": 4}
gray = {f"{name}_images": images(count, 5, 4) for name, count in splits.items()}
np.savez_compressed(here / "medmnist.npz", **gray, **{f"{name}_labels": labels(count) for name, count in splits.items()})
np.savez(here / "rgb.npz", images=images(3, 2, 2, 3), labels=np.array([0, 1, 2], dtype=np.int64))
np.savez(here / "vectors.npz", x_train=np.arange(12, dtype=np.float64).reshape(4, 3) / 4, y_train=np.array([1, 0, 1, 0]))
np.savez(here / "fortran.npz", x_train=np.asfortranarray(np.ones((4, 3))), y_train=np.array([1, 0, 1, 0]))
np.savez(here / "unequal.npz", train_images=images(4, 2, 2), train_labels=labels(3))
np.savez(here / "negative.npz", x_train=np.ones((2, 2)), y_train=np.array([0, -1]))
np.savez(here / "nan.npz", x_train=np.array([[1.0, 2.0], [3.0, np.nan]]), y_train=np.array([0, 1]))
np.savez(here / "multilabel.npz", train_images=images(2, 2, 2), train_labels=np.zeros((2, 14), dtype=np.uint8))
np.savez(here / "half.npz", x_train=np.array([[0.5], [-2.0]], dtype=np.float16), y_train=np.array([False, True]))
