.PHONY: install check measure audit test slow browser engines hostile wheel docs mini-data mini-gdino mini-qwen2vl mini-tables

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
	python -m pytest -m slow -n auto

# Without a browser it fails instead of skipping.
browser:
	bash scripts/browser_environment.sh
	FINECOPS_NO_SKIP=1 python -m pytest -m browser
	bash scripts/demo_environment.sh

# Processes and Ray, one test after the other: each starts several workers.
engines:
	FINECOPS_NO_SKIP=1 python -m pytest -m engines

hostile:
	python -m pytest -m hostile -n auto

# Both wheels, built and installed without a download, in an environment and a folder of their own.
wheel:
	python -m pytest -m wheel tests/test_wheel.py

# The site, in build/site; a warning is an error.
docs:
	python scripts/docs_site.py

mini-data:
	finecops data build mini --out data/finecops-mini

# As the committed weights were trained; on a CPU; after a stop the same command continues. In one process: TRAIN=python THREADS=
TRAIN = torchrun --nproc-per-node 2
THREADS = --threads 1

mini-gdino:
	$(TRAIN) scripts/train_mini_gdino.py train $(THREADS)
	python scripts/train_mini_gdino.py export

mini-qwen2vl:
	$(TRAIN) scripts/train_mini_qwen2vl.py vision $(THREADS)
	$(TRAIN) scripts/train_mini_qwen2vl.py language $(THREADS)
	$(TRAIN) scripts/train_mini_qwen2vl.py options $(THREADS)
	python scripts/train_mini_qwen2vl.py export

# Adapters of three seeds, runs on every test split, and the tables: hours; it continues where it was stopped. The
# splits for tuning must be there (mini-data).
mini-tables:
	bash scripts/mini_tables.sh
