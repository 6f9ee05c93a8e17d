/**
 * lilaw: fused kernels for learning with noisy labels, as a C library.
 *
 * Three operations implement the methods: weighted_loss and meta_gradient / meta_step (LiLAW, arXiv 2509.20786) and
 * alignment_weights (Learning to Reweight, arXiv 1803.09050). Each has a form `_cpu` and a form `_cuda` that take
 * the same argument structure:
 *
 * - The structure itself is always in host memory. Every pointer in it is host memory for `_cpu` and device memory
 *   for `_cuda`, params and results included.
 * - `_cpu` returns when the work is done. `_cuda` queues it on `stream` (a cudaStream_t, NULL for the default one),
 *   never waits for the device and allocates nothing, so it can be captured into a CUDA graph.
 * - Outputs whose pointer is NULL are not computed and cost nothing.
 * - Strides count elements, not bytes, and are at least the length of a row. They may exceed 2^31 in total.
 * - The same input to the same form gives the same bits, for any number of threads.
 *
 * A row with a NaN or infinite logit gets NaN in all its real outputs and -1 as prediction, and is counted in the
 * result. It does not affect any other row.
 *
 * Softmax losses may round a probability to 0 if it is less than exp(-130) times the largest one in its row (2^-126
 * times with `_cuda`). Float32 results show this only under factors (sample weights, tangents) beyond 10^11 (beyond 1
 * with `_cuda`). Under a transition matrix, `_cuda` also rounds a class to 0 whose exponential is less than 2^-126
 * times the largest one among the classes that give the label.
 *
 * Functions return LILAW_OK or the reason why they did nothing; `lilaw_last_error` returns the message for people.
 * They are safe to call from several threads at once and throw nothing. They allocate memory only to start a thread: if
 * that fails, `_cpu` continues with the threads that it has. A forked process starts its own threads.
 *
 * Outputs must not overlap each other or any input, except that grad_logits may be the logits. This is not checked,
 * since with strides the rows of one array may lie between the rows of another.
 *
 * Another thread may write to the inputs during a call. Each result may then have any value, but nothing outside the
 * arrays is read or written, and the call ends: `_cpu` reads each label by an atomic load and checks its range again
 * before using it as an index. Floats are read as vectors, so one row may mix old and new values.
 */
#ifndef LILAW_H
#define LILAW_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#if defined(LILAW_BUILDING)
#define LILAW_API __declspec(dllexport)
#else
#define LILAW_API __declspec(dllimport)
#endif
#else
#define LILAW_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum lilaw_status {
  LILAW_OK = 0,
  /** A null pointer, a size below 1, a stride below the row length, an enum value or parameter out of range. */
  LILAW_INVALID_ARGUMENT = 1,
  /** A label that is not a class index. `_cpu` only: `_cuda` counts such rows in `invalid_labels`. */
  LILAW_LABEL_OUT_OF_RANGE = 2,
  /** meta_step on a NaN or infinite logit: the scalars have not moved. `_cpu` only: `_cuda` sets `moved` to 0. */
  LILAW_NON_FINITE = 3,
  /** A combination that this build or this processor cannot compute. */
  LILAW_UNSUPPORTED = 4,
  /** Device memory ran out, or host memory of the caller; the functions `_cpu` allocate none. */
  LILAW_OUT_OF_MEMORY = 5,
  /** Built without CUDA, or no driver, or no device. */
  LILAW_CUDA_UNAVAILABLE = 6,
  /** A CUDA call failed; lilaw_last_error names it. */
  LILAW_CUDA_ERROR = 7
} lilaw_status;

/** Type of logits, tangents and gradients. The CPU computes on float32 only. */
typedef enum lilaw_dtype { LILAW_FLOAT32 = 0, LILAW_FLOAT16 = 1, LILAW_BFLOAT16 = 2 } lilaw_dtype;

typedef enum lilaw_loss_kind {
  /** Softmax cross-entropy. */
  LILAW_CROSS_ENTROPY = 0,
  /** (1 - u)^gamma times the cross-entropy; parameter: gamma >= 0. */
  LILAW_FOCAL = 1,
  /** Cross-entropy against (1 - smoothing) one-hot + smoothing / classes; parameter: smoothing in [0, 1). */
  LILAW_LABEL_SMOOTHING = 2,
  /** Sigmoid cross-entropy of one logit a row (classes = 1). */
  LILAW_BINARY = 3,
  /** Sigmoid cross-entropy, mean over the classes. */
  LILAW_MULTI_LABEL = 4,
  /** Squared error of one output a row (classes = 1); parameter: width of the target range, > 0. */
  LILAW_REGRESSION = 5,
  /** (1 - u^q) / q; parameter: q in (0, 1] (Zhang and Sabuncu 2018). */
  LILAW_GENERALIZED_CROSS_ENTROPY = 6,
  /** alpha (-log u) - beta A (1 - u); parameters: alpha >= 0, beta >= 0, A <= 0 (Wang et al. 2019). */
  LILAW_SYMMETRIC_CROSS_ENTROPY = 7,
  /** 2 (1 - u), the distance of the probabilities from the one-hot label (Ghosh et al. 2017). */
  LILAW_MEAN_ABSOLUTE_ERROR = 8
} lilaw_loss_kind;

/** Largest number of parameters of a loss. */
#define LILAW_LOSS_PARAMETERS 3

typedef struct lilaw_loss {
  int32_t kind;                             /* lilaw_loss_kind */
  double parameters[LILAW_LOSS_PARAMETERS]; /* in the order given in lilaw_loss_kind; surplus ones are not read */
} lilaw_loss;

/** The three learnable scalars of LiLAW. */
typedef struct lilaw_params {
  double alpha;
  double beta;
  double delta;
} lilaw_params;

/** Whether the gradient flows through the weights (full) or not (detached). */
typedef enum lilaw_gradient_mode { LILAW_FULL = 0, LILAW_DETACHED = 1 } lilaw_gradient_mode;

/** LILAW_BATCH_MEAN divides the weights by their mean over the finite rows. */
typedef enum lilaw_normalize { LILAW_NONE = 0, LILAW_BATCH_MEAN = 1 } lilaw_normalize;

/** A batch of rows. Zero a structure before filling it: members may be added at the end. */
typedef struct lilaw_batch {
  const void* logits; /* [rows, classes] of dtype */
  int64_t rows;
  int64_t classes;
  int64_t logits_stride; /* elements from a row to the next */
  int32_t dtype;         /* lilaw_dtype */
  /**
   * Class losses: int32 [rows], each in [0, classes). Binary: int32 [rows], each 0 or 1.
   * Multi-label: uint8 [rows, classes], each 0 or 1. Regression: float32 [rows], finite.
   */
  const void* labels;
  int64_t labels_stride; /* multi-label only: elements from a row to the next */
  lilaw_loss loss;
  /**
   * NULL, or a transition matrix [classes, classes]: row y, column k is the probability that a sample of class k is
   * labelled y. This is the transpose of the usual matrix T, so that the numbers of one label are contiguous. With it,
   * u is the probability of the observed label under the matrix, sum over k of softmax(z)_k T[k][y], in the loss and in
   * the weight (forward correction, Patrini et al. 2017). Allowed for losses that are a function of u: all class losses
   * but label smoothing. Each number must be in [0, 1]; this is not checked.
   */
  const float* transition;
  int64_t transition_stride; /* elements from a row to the next */
} lilaw_batch;

typedef struct lilaw_weighted_loss_result {
  /**
   * Partial derivatives of the objective by the three scalars, from the same pass; equal to those of meta_gradient on
   * this batch. 0 without params; NaN if the objective is NaN.
   */
  lilaw_params gradient;
  /** (1/rows) sum of sample_weight * weight * loss; NaN if any row is not finite. */
  double objective;
  /** Rows with a NaN or infinite logit. */
  int64_t non_finite_rows;
  /** `_cuda` only: rows with a label out of range. They are treated like non-finite rows, but counted here. */
  int64_t invalid_labels;
} lilaw_weighted_loss_result;

typedef struct lilaw_weighted_loss_args {
  lilaw_batch batch;
  const lilaw_params* params;  /* NULL: every weight is 1, the plain loss */
  int32_t gradient;            /* lilaw_gradient_mode */
  int32_t normalize;           /* lilaw_normalize */
  const float* sample_weights; /* [rows] or NULL: a factor on each row's loss */
  float* losses;               /* [rows], unweighted */
  float* weights;              /* [rows] */
  float* label_probs;          /* [rows], u: probability of the observed label, under the transition matrix */
  float* max_probs;            /* [rows], v: largest probability */
  int32_t* predictions;        /* [rows], index of the largest logit, the lowest on ties */
  float* term_alpha;           /* [rows], the three terms of the weight; need params; 0 where the weight is 1 by */
  float* term_beta;            /*         definition (a multi-label row without labels) */
  float* term_delta;
  void* grad_logits;   /* [rows, classes] of dtype: gradient of the objective. May be the logits themselves (in
                          place, same stride), but must not overlap them otherwise */
  int64_t grad_stride; /* elements from a row to the next */
  lilaw_weighted_loss_result* result;
} lilaw_weighted_loss_args;

typedef struct lilaw_meta_gradient_result {
  /** Partial derivatives of the objective by the three scalars. */
  lilaw_params gradient;
  /** (1/rows) sum of weight * coefficient, or of weight * loss without coefficients. */
  double objective;
  int64_t non_finite_rows;
  int64_t invalid_labels; /* as in lilaw_weighted_loss_result */
  /** meta_step: 1 if the scalars moved, 0 if a non-finite result left them unchanged. */
  int64_t moved;
} lilaw_meta_gradient_result;

typedef struct lilaw_meta_gradient_args {
  lilaw_batch batch;
  const lilaw_params* params;
  const float* coefficients; /* [rows] or NULL: in place of the row losses */
  lilaw_meta_gradient_result* result;
} lilaw_meta_gradient_args;

typedef struct lilaw_meta_step_args {
  /** Its params are read; they are moved through `params` below if all results are finite. */
  lilaw_meta_gradient_args meta_gradient;
  lilaw_params* params; /* the same memory as meta_gradient.params */
  lilaw_params learning_rate;
  lilaw_params weight_decay;
  int32_t clamp; /* not 0: keep delta >= beta and alpha >= 1 */
} lilaw_meta_step_args;

typedef struct lilaw_alignment_weights_result {
  int64_t non_finite_rows;
  int64_t invalid_labels; /* as in lilaw_weighted_loss_result */
} lilaw_alignment_weights_result;

typedef struct lilaw_alignment_weights_args {
  lilaw_batch batch;
  const void* tangents;    /* [rows, classes] of dtype: change of the logits along the validation gradient */
  int64_t tangents_stride; /* elements from a row to the next */
  /**
   * [rows], inner product of each row's loss gradient with its tangent, rounded to float32; infinite if it exceeds the
   * range of float32. `_cuda` treats such a row as non-finite.
   */
  float* alignments;
  /**
   * [rows], max(0, alignment) divided by its sum; 0 if none is positive. `_cpu`: finite even if the alignment is not.
   */
  float* weights;
  lilaw_alignment_weights_result* result;
} lilaw_alignment_weights_args;

/** The weighted loss of a batch and its gradient on the logits. */
LILAW_API lilaw_status lilaw_weighted_loss_cpu(const lilaw_weighted_loss_args* args);
LILAW_API lilaw_status lilaw_weighted_loss_cuda(const lilaw_weighted_loss_args* args, void* workspace, void* stream);

/** The partial derivatives of the weighted validation loss by alpha, beta and delta. */
LILAW_API lilaw_status lilaw_meta_gradient_cpu(const lilaw_meta_gradient_args* args);
LILAW_API lilaw_status lilaw_meta_gradient_cuda(const lilaw_meta_gradient_args* args, void* workspace, void* stream);

/** meta_gradient, then p <- p - learning_rate * (gradient + weight_decay * p) for the three scalars. */
LILAW_API lilaw_status lilaw_meta_step_cpu(const lilaw_meta_step_args* args);
LILAW_API lilaw_status lilaw_meta_step_cuda(const lilaw_meta_step_args* args, void* workspace, void* stream);

/** The weights of Learning to Reweight from logits and tangent logits. */
LILAW_API lilaw_status lilaw_alignment_weights_cpu(const lilaw_alignment_weights_args* args);
LILAW_API lilaw_status lilaw_alignment_weights_cuda(const lilaw_alignment_weights_args* args, void* workspace,
                                                    void* stream);

/** Bytes of device memory that a `_cuda` form needs as `workspace` for `rows` rows. Each stream needs its own. */
LILAW_API size_t lilaw_cuda_workspace_bytes(int64_t rows);

/** The version of this library, as in "1.2.3". */
LILAW_API const char* lilaw_version(void);
/** The name of a status, as in "LABEL_OUT_OF_RANGE". */
LILAW_API const char* lilaw_status_text(lilaw_status status);
/** Error message of the last call of this thread that did not return LILAW_OK; "" before the first. */
LILAW_API const char* lilaw_last_error(void);

/**
 * The instruction set in use: "sse2", "avx2", "avx512", "neon" or "baseline". "none" if LILAW_CPU names one that does
 * not run here or does not exist; every operation on the CPU then returns LILAW_UNSUPPORTED.
 */
LILAW_API const char* lilaw_cpu_isa(void);
/**
 * Uses another instruction set from now on, for tests; NULL chooses the best one again. The environment variable
 * LILAW_CPU does the same when the library is first used.
 */
LILAW_API lilaw_status lilaw_set_cpu_isa(const char* name);
/** Threads that large CPU operations use, the caller's included. */
LILAW_API int32_t lilaw_threads(void);
/** Sets that number, 1 to 256; 0 restores the default: LILAW_THREADS, else the processors this process may run on. */
LILAW_API lilaw_status lilaw_set_threads(int32_t threads);

typedef struct lilaw_cuda_device {
  char name[256];
  int32_t compute_major;
  int32_t compute_minor;
  int32_t multiprocessors;
  int64_t memory_bytes;
} lilaw_cuda_device;

/** Driver and runtime versions as CUDA writes them (13000 = 13.0); 0 where there is none. */
LILAW_API lilaw_status lilaw_cuda_versions(int32_t* driver, int32_t* runtime);
LILAW_API lilaw_status lilaw_cuda_device_count(int32_t* count);
LILAW_API lilaw_status lilaw_cuda_device_info(int32_t device, lilaw_cuda_device* info);
/** Selects the device for `_cuda` calls of this thread. */
LILAW_API lilaw_status lilaw_cuda_use_device(int32_t device);
/** Free and total memory of the selected device, in bytes. */
LILAW_API lilaw_status lilaw_cuda_memory(int64_t* free_bytes, int64_t* total_bytes);

/** Device memory. Upload and download are queued on `stream`; host memory must live until it has been synchronized. */
LILAW_API lilaw_status lilaw_buffer_create(int64_t bytes, void** buffer);
LILAW_API lilaw_status lilaw_buffer_free(void* buffer);
LILAW_API lilaw_status lilaw_buffer_upload(void* buffer, const void* host, int64_t bytes, void* stream);
LILAW_API lilaw_status lilaw_buffer_download(void* host, const void* buffer, int64_t bytes, void* stream);

LILAW_API lilaw_status lilaw_stream_create(void** stream);
LILAW_API lilaw_status lilaw_stream_free(void* stream);
/** Waits for all work queued on the stream. */
LILAW_API lilaw_status lilaw_stream_synchronize(void* stream);

/**
 * CUDA graphs. Between begin and end, work queued on the stream (not the default one) is recorded and does not run;
 * nothing may wait for the stream meanwhile. Launching the graph runs all of it with one call to the driver. It uses
 * the recorded addresses and the values that the memory has at that time. That memory, workspaces included, must live
 * as long as the graph, and nothing else may use it while the graph runs. After an error, `*graph` is NULL.
 */
LILAW_API lilaw_status lilaw_stream_begin_capture(void* stream);
LILAW_API lilaw_status lilaw_stream_end_capture(void* stream, void** graph);
/** Queues the work of the graph. */
LILAW_API lilaw_status lilaw_graph_launch(void* graph, void* stream);
/** Frees a graph; one that still runs is freed when it is done. */
LILAW_API lilaw_status lilaw_graph_free(void* graph);

#ifdef __cplusplus
}
#endif

#endif
