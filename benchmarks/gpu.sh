#!/usr/bin/env bash
# Build, check and time on a GPU what can be timed there, within ten minutes, and leave the tables in a folder:
#   benchmarks/gpu.sh [FOLDER] [ALPHANET_COMMAND]
# ALPHANET_OFFICIAL_SRC may name a checkout of the public code, which is then timed beside.
set -euo pipefail
out=${1:-runs/gpu}
alphanet=${2:-.venv/bin/alphanet}
peers=schnet,painn,nequip,mace
models=alphanet,alphanet-v1,$peers
if [ -n "${ALPHANET_OFFICIAL_SRC:-}" ]; then
  models=$models,alphanet-official
fi
mkdir -p "$out"
"$alphanet" bench check
"$alphanet" bench speed --device cuda --models "$models" --sizes 100..10000 --points 5 --mode best --budget 4 \
  --out "$out/fig3a-settings" | tee "$out/fig3a-settings.txt"
"$alphanet" bench speed --device cuda --models alphanet@mptrj-v1,alphanet-v1@mptrj-v1 --structures quartz \
  --sizes 100,500,1000 --mode best --budget 2 --out "$out/released-settings" | tee "$out/released-settings.txt"
"$alphanet" bench train-speed --device cuda --models alphanet@zeolite,schnet,painn --structures quartz --budget 1 \
  --out "$out/training" | tee "$out/training.txt"
"$alphanet" bench memory --device cuda --models alphanet,schnet --longest 60 --start 1000 \
  --out "$out/memory" | tee "$out/memory.txt"
