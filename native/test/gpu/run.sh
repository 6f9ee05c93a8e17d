#!/usr/bin/env bash
# Builds the library and checks it, all that can be done on this machine: nvcc, CMake, a C++ compiler and Python with
# PyTorch are enough, without Node and without a network. On a GPU it also runs compute-sanitizer.
#
#   test/gpu/run.sh [OUT]          results go to OUT (gpu-results by default): logs, CSV files, summary.txt
#
# PYTHON names the Python. The exit status says whether all checks passed. Speed of the kernels: benchmarks/gpu.
set -uo pipefail

out=$(mkdir -p "${1:-gpu-results}" && cd "${1:-gpu-results}" && pwd)
cd "$(dirname "$0")/../.."
python=${PYTHON:-python3}
golden=../packages/testing/golden/lilaw.json
build=$out/build
failed=0

: >"$out/summary.txt"
say() { echo "$*" | tee -a "$out/summary.txt"; }

# step NAME COMMAND...: runs it with its output in OUT/NAME.log, and says how it went with its last lines.
step() {
  local name=$1 status=0
  shift
  "$@" >"$out/$name.log" 2>&1 || status=$?
  case $status in
  0) say "ok      $name" ;;
  77) say "skipped $name" ;;
  *)
    say "FAILED  $name (status $status)"
    failed=1
    ;;
  esac
  tail -n "${LINES_OF:-3}" "$out/$name.log" | sed 's/^/        /' | tee -a "$out/summary.txt"
  return "$status"
}

has_gpu() { "$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>/dev/null; }

architecture=(-DCMAKE_CUDA_ARCHITECTURES=90)
if has_gpu; then
  capability=$("$python" -c 'import torch; print("%d%d" % torch.cuda.get_device_capability())')
  architecture=("-DCMAKE_CUDA_ARCHITECTURES=$capability")
  say "device  $(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null | head -n 1) (sm_$capability)"
else
  say "device  none: only what runs on the host is checked"
fi
say "nvcc    $(nvcc --version 2>/dev/null | tail -n 2 | head -n 1)"

build_library() {
  cmake -S . -B "$build" -DLILAW_SHARED=ON -DLILAW_CUDA=AUTO "${architecture[@]}" && cmake --build "$build" --parallel
}
build_shim() {
  cmake -S test/shim -B "$build/shim" && cmake --build "$build/shim" --parallel --target lilaw_shim
}

LINES_OF=1 step build build_library || exit 1
library=$build/liblilaw.so

LINES_OF=15 step cpu "$python" test/gpu/check.py "$library" --form cpu --golden "$golden" --csv "$out/cpu-accuracy.csv"
if ! has_gpu; then
  LINES_OF=1 step no-device "$python" test/gpu/no_device.py "$library"
  LINES_OF=1 step build-shim build_shim &&
    LINES_OF=15 step shim "$python" test/gpu/check.py "$build/shim/liblilaw_shim.so" --form cuda --device cpu \
      --golden "$golden" --cases 10 --rows 20 --long 1 --csv "$out/shim-accuracy.csv"
  say "skipped cuda, compute-sanitizer: no CUDA device"
  exit "$failed"
fi

LINES_OF=15 step cuda "$python" test/gpu/check.py "$library" --form cuda --golden "$golden" --cases 1000 --long 100 \
  --csv "$out/cuda-accuracy.csv"

for tool in memcheck racecheck initcheck synccheck; do
  LINES_OF=2 step "$tool" env PYTHON="$python" test/gpu/sanitize.sh "$tool" "$library"
done
exit "$failed"
