/**
 * Graphs through the C interface: a step of LiLAW is captured once, and each launch uses the present contents of the
 * memory.
 */
#include <cstdint>
#include <cstring>
#include <vector>

#include <doctest/doctest.h>

#include "lilaw.h"

namespace {

/** Device memory of the shim, which the host can read and write. */
template <class T>
class Memory {
 public:
  explicit Memory(const std::vector<T>& values) {
    REQUIRE(lilaw_buffer_create(static_cast<std::int64_t>(values.size() * sizeof(T)), &memory_) == LILAW_OK);
    std::memcpy(memory_, values.data(), values.size() * sizeof(T));
  }
  ~Memory() { lilaw_buffer_free(memory_); }
  Memory(const Memory&) = delete;

  T* data() const { return static_cast<T*>(memory_); }

 private:
  void* memory_ = nullptr;
};

}  // namespace

TEST_CASE("a captured step is done at each launch, and not before") {
  void* stream = nullptr;
  REQUIRE(lilaw_stream_create(&stream) == LILAW_OK);
  const Memory<unsigned char> workspace(std::vector<unsigned char>(lilaw_cuda_workspace_bytes(INT64_MAX)));
  const Memory<float> logits({1, -2, 0.5f, 3});
  const Memory<std::int32_t> labels({0, 1});
  const Memory<lilaw_params> params({{10, 2, 6}});
  const Memory<lilaw_weighted_loss_result> result(std::vector<lilaw_weighted_loss_result>(1));
  const Memory<lilaw_meta_gradient_result> meta_result(std::vector<lilaw_meta_gradient_result>(1));

  lilaw_weighted_loss_args loss{};
  loss.batch.logits = logits.data();
  loss.batch.labels = labels.data();
  loss.batch.rows = loss.batch.classes = loss.batch.logits_stride = loss.batch.labels_stride = 2;
  loss.params = params.data();
  loss.result = result.data();
  lilaw_meta_step_args step{};
  step.meta_gradient = {loss.batch, params.data(), nullptr, meta_result.data()};
  step.params = params.data();
  step.learning_rate = {1, 1, 1};

  REQUIRE(lilaw_stream_begin_capture(stream) == LILAW_OK);
  CHECK(lilaw_weighted_loss_cuda(&loss, workspace.data(), stream) == LILAW_OK);
  CHECK(lilaw_meta_step_cuda(&step, workspace.data(), stream) == LILAW_OK);
  void* graph = nullptr;
  REQUIRE(lilaw_stream_end_capture(stream, &graph) == LILAW_OK);
  REQUIRE(lilaw_stream_synchronize(stream) == LILAW_OK);
  CHECK(result.data()->objective == 0);

  const auto after = [&](const auto& step_of, const std::vector<float>& values) {
    std::memcpy(logits.data(), values.data(), sizeof(float) * values.size());
    step_of();
    REQUIRE(lilaw_stream_synchronize(stream) == LILAW_OK);
    return std::vector<double>{result.data()->objective, params.data()->alpha, params.data()->delta};
  };
  const auto queued = [&] {
    REQUIRE(lilaw_weighted_loss_cuda(&loss, workspace.data(), stream) == LILAW_OK);
    REQUIRE(lilaw_meta_step_cuda(&step, workspace.data(), stream) == LILAW_OK);
  };
  const auto launched = [&] { REQUIRE(lilaw_graph_launch(graph, stream) == LILAW_OK); };
  const std::vector<double> first = after(queued, {1, -2, 0.5f, 3});
  const std::vector<double> second = after(queued, {-1, 2, 0, 0.25f});
  CHECK(first != second);
  *params.data() = {10, 2, 6};
  CHECK(after(launched, {1, -2, 0.5f, 3}) == first);
  CHECK(after(launched, {-1, 2, 0, 0.25f}) == second);

  // A queued graph runs although it has been freed meanwhile.
  *params.data() = {10, 2, 6};
  REQUIRE(lilaw_graph_launch(graph, stream) == LILAW_OK);
  CHECK(lilaw_graph_free(graph) == LILAW_OK);
  CHECK(lilaw_stream_synchronize(stream) == LILAW_OK);
  CHECK(params.data()->alpha != 10);
  CHECK(lilaw_stream_free(stream) == LILAW_OK);
}

TEST_CASE("captures that cannot be") {
  void* stream = nullptr;
  void* graph = &stream;
  REQUIRE(lilaw_stream_create(&stream) == LILAW_OK);
  CHECK(lilaw_stream_begin_capture(nullptr) == LILAW_CUDA_ERROR);
  CHECK(lilaw_stream_end_capture(stream, &graph) == LILAW_CUDA_ERROR);
  CHECK(graph == nullptr);
  CHECK(lilaw_stream_end_capture(stream, nullptr) == LILAW_INVALID_ARGUMENT);
  CHECK(lilaw_graph_launch(nullptr, stream) == LILAW_INVALID_ARGUMENT);
  CHECK(lilaw_graph_free(nullptr) == LILAW_INVALID_ARGUMENT);

  REQUIRE(lilaw_stream_begin_capture(stream) == LILAW_OK);
  CHECK(lilaw_stream_begin_capture(stream) == LILAW_CUDA_ERROR);
  CHECK(lilaw_stream_synchronize(stream) == LILAW_CUDA_ERROR);
  CHECK(lilaw_stream_end_capture(stream, &graph) == LILAW_CUDA_ERROR);
  CHECK(graph == nullptr);
  CHECK(lilaw_stream_free(stream) == LILAW_OK);
}
