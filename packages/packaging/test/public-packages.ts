/** The API that each public package promises. A name is added here when it becomes API. */
export interface PublicPackage {
  /** Name of the folder; the package is `@lilaw/` and this */
  readonly name: string;
  /** The values that the main entry exports; left out where a package is a program only */
  readonly exports?: readonly string[];
  /** Values of further entries */
  readonly entries?: Readonly<Record<string, readonly string[]>>;
  /** Programs in `consumers/` that use it, beside the one with its name */
  readonly consumers?: readonly string[];
  /** Peer packages that its users install beside it; those of this repository by their name alone */
  readonly peers?: readonly string[];
  /** False where the types of other packages, which ours mention, do not pass a full check themselves */
  readonly checkAllTypes: boolean;
  /** Programs it brings, and a word of their help */
  readonly programs?: Readonly<Record<string, string>>;
}

const tfjs = ["tfjs-core", "tfjs-layers", "tfjs-backend-cpu"].map((name) => `@tensorflow/${name}@4.22.0`);

export const publicPackages: readonly PublicPackage[] = [
  {
    name: "core",
    exports: [
      ...["LiLAW", "LearningToReweight", "Random"],
      ...["weightedLoss", "metaGradient", "alignmentWeights", "getBackend", "backendReport"],
      ...["LilawError", "BackendUnavailableError", "expected"],
      ...["labelMargins", "stateBytes"],
    ],
    checkAllTypes: true,
  },
  {
    name: "native",
    exports: [
      ...["weightedLoss", "metaGradient", "alignmentWeights"],
      ...["load", "platformPackage", "remedies", "diagnose"],
      ...["registerTensorFlowOps", "loadTensorFlowQuietly", "opSettings"],
      ...["DeviceBuffer", "Stream", "weightedLossCuda", "metaStepCuda"],
    ],
    checkAllTypes: true,
    programs: { "lilaw-native": "doctor" },
  },
  {
    name: "datasets",
    exports: [
      ...[
        "datasetNames",
        "loadDataset",
        "loadFiles",
        "loadLabelledProbs",
        "readRows",
        "sourceOf",
        "openSource",
      ],
      ...["parseNoise", "injectNoise"],
      ...["splitSamples", "takeSamples", "balancedRows", "batches"],
    ],
    checkAllTypes: true,
  },
  {
    name: "diagnostics",
    exports: [
      ...["accuracy", "auroc", "multiclassAuroc", "auprc", "precisionAtK", "effectiveSampleSize"],
      ...["SampleRecorder", "labelIssues", "issueScores"],
      ...["findLabelIssues", "findLabelIssuesInChunks", "labelScores", "confidentJoint"],
      ...["LabelSums", "JointCounts", "IssueSelection"],
    ],
    checkAllTypes: true,
  },
  {
    name: "tfjs",
    exports: [
      ...["fit", "fitDataset", "plain", "lilaw", "learningToReweight", "randomWeights"],
      ...["crossEntropy", "predictLogits"],
    ],
    entries: {
      ...{ node: ["useBackend"], kernels: ["kernels"] },
      weighting: ["rowLosses", "ValidationSampler"],
    },
    consumers: ["tfjs-weighting"],
    peers: tfjs,
    checkAllTypes: false,
  },
  {
    name: "bench",
    exports: [
      ...["takeTurns", "timed", "quick", "thorough", "spreadOf", "ratiosOf"],
      ...["select", "measure", "writeResults", "readResults", "currentOrigin", "round"],
      ...["regressionsOf", "comparableRows", "rowIdentity", "findPython", "PythonProgram"],
    ],
    entries: {
      kernels: ["kernelCase", "corePlan", "tensorPlan", "memoryCopyPlan", "installedSuite"],
      program: ["runBenchmark", "runSuites", "renderRows", "stopSignal", "statusOf", "fail", "tell"],
    },
    peers: ["@lilaw/tfjs", ...tfjs],
    checkAllTypes: true,
  },
  {
    name: "report",
    exports: ["renderReport", "picture", "pictureSide", "signalPicture"],
    checkAllTypes: true,
  },
  {
    name: "cli",
    checkAllTypes: false,
    programs: { lilaw: "train" },
  },
];
