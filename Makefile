# Every target sets itself up: a plain `make demo` or `make test` is enough on a fresh clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# Each command that a test starts would compile our modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-faults test-hostile test-stores test-hexo test-reader bench bench-clean bench-extract bench-verify bench-frontier bench-import \
	bench-views bench-reader bench-rerun bench-scaling lint format requirements clean

demo: $(READY)  ## crawl the bundled replica of the site and leave the archive in demo/archive
	$(BIN)/birdnest demo --archive demo/archive

test: $(READY)  ## the whole test suite, three modules at a time, those of many quick tests last
	$(BIN)/python -m pytest --numprocesses 3 --dist loadscope --no-loadscope-reorder

test-faults: $(READY)  ## crashes at any point, power loss, failing stores; ALL=1 tries every point
	$(BIN)/python -m pytest -m faults tests/faults tests/archive

test-hostile: $(READY)  ## servers that mean ill, 10,000 odd answers, sites that change or keep us away, 500 mixed URLs
	$(BIN)/python -m pytest -m hostile tests/crawler tests/hostile

test-stores: $(READY)  ## the contract of all stores and `birdnest doctor`, on a real Ceph gateway
	$(BIN)/python -m pytest -m stores tests/archive

test-hexo: $(READY)  ## a real Hexo 8 builds the export of all replica posts and of a hostile set, in two time zones
	$(BIN)/python -m pytest -m hexo tests/archive/views

test-reader: $(READY)  ## the reader in a real Chromium, read by mouse, by keys and with axe; books in EPUBCheck and MuPDF
	$(BIN)/python -m pytest -m reader tests/archive tests/crawler

bench: $(READY)  ## CPU, memory and store requests per post, 300 and 2,000 replica posts
	$(BIN)/python benchmarks/crawl.py

bench-clean: $(READY)  ## how well the cleaner cleans real posts and pages, beside other tools, against its floors; how its time grows
	$(BIN)/python -m benchmarks.clean
	$(BIN)/python -m benchmarks.clean_growth

bench-extract: $(READY)  ## how well articles are found without a profile, on real pages, beside other tools, against its floors; how its time grows
	$(BIN)/python -m benchmarks.extract
	$(BIN)/python -m benchmarks.extract_growth

bench-verify: $(READY)  ## time, requests and memory of `birdnest verify` over a million posts
	$(BIN)/python benchmarks/verify.py

bench-frontier: $(READY)  ## crawls that find nothing new: 10,000 known posts, a frontier of a million URLs
	$(BIN)/python -m benchmarks.frontier

bench-import: $(READY)  ## posts a second and memory of `birdnest import hexo`, 1,000 and 10,000 posts
	$(BIN)/python benchmarks/import_hexo.py

bench-views: $(READY)  ## time, requests and memory of the catalogue and the other views over 100,000 posts
	$(BIN)/python -m benchmarks.views

bench-reader: $(READY)  ## time, memory and files of the reader of 10,000 posts: first build, nothing new, one new post
	$(BIN)/python -m benchmarks.reader

bench-rerun: $(READY)  ## CPU and requests of a run that finds nothing new, beside a Scrapy spider that fetches the same lists
	$(BIN)/python -m benchmarks.rerun

bench-scaling: $(READY)  ## CPU of new and of known posts with 1,000 to a million posts in the frontier
	$(BIN)/python -m benchmarks.scaling

lint: $(READY)  ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

requirements: $(READY)  ## compile the pinned requirements anew from pyproject.toml
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --no-annotate pyproject.toml -o requirements/run.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --no-annotate pyproject.toml --group dev -c requirements/run.txt -o requirements/dev.txt

$(READY): requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(READY)

clean:
	rm -rf $(VENV) demo .mypy_cache .pytest_cache .ruff_cache
