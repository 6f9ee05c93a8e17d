#!/usr/bin/env bash
# Tests and measures lilaw on the NVIDIA GPU of this machine. It runs from its unpacked bundle.
#
#     run.sh [--out FOLDER] [part …]      default: all parts, the most telling first, into ./gpu-results
#
# Python with PyTorch does most of it (PYTHON names it); Node comes with the bundle, CMake and a network are not needed.
# Each part has a time limit, all together have LILAW_GPU_SECONDS (default 570): parts that do not fit are skipped,
# with a message.
# Results are there as soon as a part has ended: CSV files, logs/ and summary.txt. Without a GPU, the parts that can run
# on the host do. The exit status says whether every part that ran did well; missed bars of speed do not count.
set -uo pipefail

bundle=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=gpu-results
if [ "${1:-}" = --out ]; then
  out=${2:?Expected a folder for --out but received nothing}
  shift 2
fi
chosen=" $* "
known=" golden step bandwidth small node triton pytorch webgpu memcheck racecheck initcheck synccheck host no-device "
for part in $chosen; do
  case $known in
  *" $part "*) ;;
  *)
    echo "Expected one of${known}for the part but received $part" >&2
    exit 2
    ;;
  esac
done

out=$(mkdir -p "$out/logs" && cd "$out" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
budget=${LILAW_GPU_SECONDS:-570}
python=${PYTHON:-python3}
library=$bundle/lib/liblilaw.so
failed=0
no_part=77 # what a part exits with that cannot run here; its last line says why

: >"$out/summary.txt"
say() { echo "$*" | tee -a "$out/summary.txt"; }

wanted() { [ "$chosen" = "  " ] || case $chosen in *" $1 "*) true ;; *) false ;; esac; }

# part NAME LIMIT REASON COMMAND…: runs it for at most LIMIT seconds, unless there is a reason against it.
part() {
  local name=$1 limit=$2 reason=$3 status=0 left=$((budget - SECONDS)) began=$SECONDS
  shift 3
  wanted "$name" || return 0
  if [ -z "$reason" ] && [ "$left" -lt 15 ]; then reason="no time left"; fi
  if [ -n "$reason" ]; then
    say "skipped $name: $reason"
    return 0
  fi
  timeout -k 5 "$((limit < left ? limit : left))" "$@" >"$out/logs/$name.log" 2>&1 || status=$?
  case $status in
  0) say "ok      $name ($((SECONDS - began)) s)" ;;
  "$no_part") say "skipped $name: $(tail -n 1 "$out/logs/$name.log")" ;;
  124 | 137) say "CUT     $name: after $((SECONDS - began)) s; what it had measured is there" ;;
  *)
    say "FAILED  $name (status $status), see logs/$name.log"
    failed=1
    ;;
  esac
  [ "$status" -eq "$no_part" ] || tail -n "${LINES_OF:-3}" "$out/logs/$name.log" | sed 's/^/        /' | tee -a "$out/summary.txt"
}

# --- Device, Python and Node of this machine.

export LILAW_COMMIT
LILAW_COMMIT=$(sed -n 's/^commit //p' "$bundle/about.txt")
say "bundle  $(tr '\n' ' ' <"$bundle/about.txt")"

no_gpu=""
if gpu=$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null | head -n 1) && [ -n "$gpu" ]; then
  say "device  $gpu"
else
  no_gpu="no NVIDIA GPU"
  say "device  none: only what runs on the host is run"
fi

no_torch=""
if ! torch=$("$python" -c 'import torch; print(torch.__version__)' 2>/dev/null); then
  no_torch="$python has no PyTorch (PYTHON names another)"
elif [ -z "$no_gpu" ] && ! "$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
  no_torch="PyTorch $torch does not see the GPU"
fi
say "python  ${no_torch:-$("$python" --version), PyTorch $torch}"

unpack() {
  if command -v xz >/dev/null; then xz -dc "$1" >"$2"; else
    "$python" -c 'import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.argv[1]), open(sys.argv[2], "wb"))' "$1" "$2"
  fi
}

# Node and its modules, with what is compressed unpacked beside them.
no_node=""
node=$scratch/bin/node
if wanted node || wanted webgpu; then
  cp -r "$bundle/bin" "$bundle/js" "$scratch"
  {
    find "$scratch" -name '*.xz' | while read -r file; do unpack "$file" "${file%.xz}" && rm "$file" || exit; done &&
      chmod +x "$node" && version=$("$node" --version)
  } 2>"$out/logs/unpack.log" || no_node="the Node of this bundle does not run here, see logs/unpack.log"
  say "node    ${no_node:-$version}"
fi

# Vulkan, for WebGPU: its loader comes along; drivers that lie in no place of their own are looked for.
ldconfig -p 2>/dev/null | grep -q 'libvulkan\.so\.1' || export LD_LIBRARY_PATH="$bundle/lib/vulkan${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
if ! compgen -G '/usr/share/vulkan/icd.d/*.json' >/dev/null && ! compgen -G '/etc/vulkan/icd.d/*.json' >/dev/null; then
  drivers=$(compgen -G '/usr/local/*/share/vulkan/icd.d/*.json' | paste -sd : -)
  if [ -n "$drivers" ]; then export VK_DRIVER_FILES="${VK_DRIVER_FILES:-$drivers}"; fi
fi

# --- The parts. Without a GPU, the parts step, node and webgpu measure the host alone.

on_device=${no_gpu:-$no_torch}
check=("$python" "$bundle/python/check.py" "$library")
bench=("$python" "$bundle/python/bench.py")
golden=$bundle/python/lilaw.json
export LILAW_NATIVE_PATH=$bundle/lib/lilaw.node

LINES_OF=20 part golden 120 "$on_device" \
  "${check[@]}" --form cuda --golden "$golden" --cases 300 --long 30 --csv "$out/accuracy.csv"
LINES_OF=20 part step 60 "" "$bundle/bin/step" "$out/step.csv"
LINES_OF=40 part bandwidth 100 "$on_device" "${bench[@]}" bandwidth "$library" --out "$out"
LINES_OF=10 part small 45 "$on_device" "${bench[@]}" small "$library" --out "$out"
LINES_OF=40 part node 90 "$no_node" "$node" "$scratch/js/gpu.mjs" "$out" node
LINES_OF=10 part triton 60 "$on_device" "${bench[@]}" triton "$library" --out "$out"
LINES_OF=20 part pytorch 150 "$on_device" "${bench[@]}" pytorch "$library" --out "$out"
LINES_OF=40 part webgpu 90 "$no_node" "$node" "$scratch/js/gpu.mjs" "$out" webgpu

export PYTHON=$python
for tool in memcheck racecheck initcheck synccheck; do
  LINES_OF=2 part "$tool" 90 "$on_device" "$bundle/python/sanitize.sh" "$tool" "$library"
done

LINES_OF=15 part host 90 "$no_torch" "${check[@]}" --form cpu --golden "$golden" --cases 60 --long 6 --csv "$out/host-accuracy.csv"
if [ -n "$no_gpu" ]; then LINES_OF=1 part no-device 30 "$no_torch" "$python" "$bundle/python/no_device.py" "$library"; fi

say "done    in $SECONDS s; results are in $out"
exit "$failed"
