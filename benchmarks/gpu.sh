#!/usr/bin/env bash
# Build, check and time on a GPU what can be timed there, within ten minutes, and leave the tables in a folder:
#   benchmarks/gpu.sh [FOLDER] [ALPHANET_COMMAND]
# ALPHANET_OFFICIAL_SRC may name a checkout of the public code, which is then timed beside. What fails is named at the
# end and does not keep the rest from running.
set -euo pipefail
out=${1:-runs/gpu}
alphanet=${2:-.venv/bin/alphanet}
python=$(dirname "$alphanet")/python
models=(alphanet alphanet-v1 schnet painn nequip mace)
if [ -n "${ALPHANET_OFFICIAL_SRC:-}" ]; then
  models+=(alphanet-official)
fi
mkdir -p "$out"
failed=
keep() { # NAME COMMAND …: what it prints is left in NAME.txt
  local name=$1
  shift
  "$@" | tee "$out/$name.txt" || failed="$failed $name"
}
speed() { # NAME OPTION …
  local name=$1
  shift
  keep "$name" "$alphanet" bench speed --device cuda --mode best --out "$out/$name" "$@"
}
keep fast "$python" benchmarks/gpu_fast.py --minutes 2.5
keep check "$alphanet" bench check
speed fig3a-settings "${models[@]}" --sizes 100..10000 --points 5 --budget 2.5
speed released-settings alphanet@mptrj-v1 alphanet-v1@mptrj-v1 --structures quartz --sizes 100,500,1000 --budget 1
keep training "$alphanet" bench train-speed --device cuda alphanet@zeolite schnet painn --structures quartz \
  --budget 0.5 --out "$out/training"
keep memory "$alphanet" bench memory --device cuda alphanet schnet --longest-call 60s --smallest 1000 --out "$out/memory"
if [ -n "$failed" ]; then
  echo "failed:$failed" >&2
  exit 1
fi
