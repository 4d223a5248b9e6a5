#!/usr/bin/env bash
# An environment with Gradio above the one that is active, and the tests of the page of `finecops demo`.
#
#     bash scripts/demo_environment.sh [FOLDER]     # default: outputs/demo-environment
#
# Gradio 6 wants a Pillow below 13. So it is not in the extra `dev`: it would change the Pillow that all other tests
# use. Here Gradio and its Pillow lie in FOLDER (150 MB); everything else, torch too, is that of the active environment,
# which has to have finecops[dev].
set -euo pipefail
folder=$(realpath -m "${1:-outputs/demo-environment}")
project=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$folder"
[ -x "$folder/venv/bin/python" ] || python3 -m venv "$folder/venv"
below=$(python -c "import sysconfig; print(sysconfig.get_paths()['purelib'])")
site=$("$folder/venv/bin/python" -c "import sysconfig; print(sysconfig.get_paths()['purelib'])")
# Also what the active environment itself adds to the path, such as an editable finecops.
echo "import site; site.addsitedir('$below')" >"$site/active_environment.pth"
gradio=$(python -c "
import tomllib
extras = tomllib.load(open('$project/pyproject.toml', 'rb'))['project']['optional-dependencies']
print(*extras['demo'])")
# CI's versions of all else. tomlkit, which other packages of `dev` use in a newer version, Gradio limits too.
grep -viE '^(pillow|tomlkit)==' "$project/constraints.txt" >"$folder/constraints.txt"
PIP_CONSTRAINT="$folder/constraints.txt" "$folder/venv/bin/python" -m pip install --quiet $gradio
cd "$project"
export PYTHONPATH="$project${PYTHONPATH:+:$PYTHONPATH}" FINECOPS_NO_SKIP=1 FINECOPS_DEMO_NO_SKIP=1
exec "$folder/venv/bin/python" -m pytest tests/demo -m browser
