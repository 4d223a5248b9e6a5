#!/usr/bin/env bash
# An environment with mmdet, and its tests: the mmdet backend gives the answers of the transformers backend for the same weights.
#
#     bash scripts/mmdet_environment.sh [FOLDER]     # default: outputs/mmdet-environment
#
# mmcv's operators are compiled (20 minutes on two cores); the wheel is kept in FOLDER, so a second run is quick.
# mmcv 2.3.6 asks for C++17 and torch 2.14 needs C++20, so its setup.py is changed in that one word.
set -euo pipefail
folder=$(realpath -m "${1:-outputs/mmdet-environment}")
project=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$folder/wheels"
[ -x "$folder/venv/bin/python" ] || python3 -m venv "$folder/venv"
pip=("$folder/venv/bin/python" -m pip)
"${pip[@]}" install --quiet --upgrade "setuptools<81" wheel ninja psutil hatchling editables
"${pip[@]}" install --quiet "torch>=2.6" torchvision
if ! ls "$folder"/wheels/onedl_mmcv-*.whl >/dev/null 2>&1; then
    rm -rf "$folder/source"
    "${pip[@]}" download --quiet --no-deps --no-build-isolation --no-binary :all: -d "$folder/source" onedl-mmcv==2.3.6
    tar -xzf "$folder"/source/onedl_mmcv-*.tar.gz -C "$folder/source"
    sed -i 's/c++17/c++20/g' "$folder"/source/onedl_mmcv-*/setup.py
    MMCV_WITH_OPS=1 "${pip[@]}" wheel --no-deps --no-build-isolation -w "$folder/wheels" "$folder"/source/onedl_mmcv-*/
fi
"${pip[@]}" install --quiet "$folder"/wheels/onedl_mmcv-*.whl
"${pip[@]}" install --quiet --no-build-isolation -e "$project[mmdet]" pytest hypothesis
cd "$project"
exec "$folder/venv/bin/python" -m pytest tests/models/test_mmdet.py -m mmdet
