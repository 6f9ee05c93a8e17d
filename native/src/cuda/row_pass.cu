#include "row_pass.cuh"

namespace lilaw::cuda {
namespace {

constexpr std::size_t kHeaderBytes = 64;
static_assert(sizeof(BatchMeans) + sizeof(double) <= kHeaderBytes, "what lies before the sums of the blocks");

}  // namespace

Workspace Workspace::in(void* memory) {
  auto* const bytes = static_cast<unsigned char*>(memory);
  return {reinterpret_cast<RowSums*>(bytes + kHeaderBytes), reinterpret_cast<BatchMeans*>(bytes),
          reinterpret_cast<double*>(bytes + sizeof(BatchMeans))};
}

lilaw_status device_batch(const lilaw_batch& batch, const void* workspace, DeviceBatch* out) {
  if (workspace == nullptr) return fail(LILAW_INVALID_ARGUMENT, "Expected a pointer for workspace but received NULL");
  if (batch.classes > kMostClasses) {
    return fail(LILAW_UNSUPPORTED, "Expected at most %lld classes on a CUDA device but received %lld",
                static_cast<long long>(kMostClasses), static_cast<long long>(batch.classes));
  }
  *out = {batch, {batch.loss, static_cast<double>(batch.classes)}};
  return LILAW_OK;
}

lilaw_status run_row_pass(const RowPass& pass, void* stream, unsigned* blocks) {
  const lilaw_batch& batch = pass.batch.batch;
  return with_element(batch.dtype, [&](auto element) {
    return with_rows<decltype(element)>(batch, [&](auto rows_of) {
      using Rows = typename decltype(rows_of)::Type;
      *blocks = blocks_for<Rows>(batch.rows);
      return launch(row_pass<Rows>, *blocks, Rows::kBlock, stream, false, pass);
    });
  });
}

}  // namespace lilaw::cuda

extern "C" size_t lilaw_cuda_workspace_bytes(int64_t rows) {
  const std::int64_t blocks = rows < lilaw::cuda::kMostBlocks ? rows : lilaw::cuda::kMostBlocks;
  return lilaw::cuda::kHeaderBytes + sizeof(lilaw::cuda::RowSums) * static_cast<std::size_t>(blocks < 1 ? 1 : blocks);
}
