#!/bin/sh
# try_wheel.sh PYTHON WHEEL: install the wheel in an empty environment of this Python (a version or a path) with the locked
# packages, then list what there is, make a model and predict with it, away from the checkout.
set -eu
uv() { "$root/.venv/bin/python" "$root/alphanet/potentials/uv.py" "$@"; }
root=$(cd "$(dirname "$0")/.." && pwd)
wheel=$(realpath "$2")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
uv venv --quiet --python "$1" env
uv pip install --quiet --python env/bin/python --constraint "$root/constraints.txt" "$wheel"
export ALPHANET_HOME="$place/home" ALPHANET_MODE=eager
alphanet="env/bin/alphanet --quiet"
$alphanet data list > /dev/null
$alphanet repro list > /dev/null
$alphanet init --preset fig3a -o model.safetensors > /dev/null
printf '2\nProperties=species:S:1:pos:R:3 pbc="F F F"\nO 0 0 0\nSi 0 0 1.6\n' > pair.extxyz
$alphanet predict model.safetensors pair.extxyz -o predicted.extxyz > /dev/null
grep -q energy predicted.extxyz
echo "$(env/bin/python --version): the wheel lists, makes a model and predicts"
