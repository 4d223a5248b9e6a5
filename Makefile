.PHONY: install check measure audit test slow browser hostile mini-data mini-models

install:
	python -m pip install -e '.[dev]'

check: measure
	ruff check .
	ruff format --check .
	mypy

measure:
	python scripts/measure.py

# Skipped loudly where the database cannot be reached.
audit:
	python scripts/audit.py

test:
	python -m pytest -n auto

slow:
	python -m pytest -m slow

# Without a browser it fails instead of skipping.
browser:
	bash scripts/browser_environment.sh
	FINECOPS_NO_SKIP=1 python -m pytest -m browser
	bash scripts/demo_environment.sh

hostile:
	python -m pytest -m hostile -n auto

mini-data:
	finecops data build mini --out data/finecops-mini

mini-models:
	python scripts/train_mini_gdino.py train
	python scripts/train_mini_gdino.py export
	python scripts/train_mini_qwen2vl.py vision
	python scripts/train_mini_qwen2vl.py language
	python scripts/train_mini_qwen2vl.py options
	python scripts/train_mini_qwen2vl.py export
