# A thin front: the work is done by tools/*.sh, meson and ninja.
#
#   make                          build/penstock and build/penstock-shim (installs what is missing first)
#   make demo [DEMO_ARGS=--exit]  the whole way of a commit, live
#   make test                     release and sanitizer builds, all suites, lint
#   make unit T=test_strbuf [SAN=1]   one test and only the layers below it
#   make bench                    measurements against peers
#   make soak [SOAK_SECONDS=120]  a live daemon with a project under way and hundreds of clients, fast and slow; an export of 1 GB
#   make peers [T="turbo nx"]     real programs that others wrote, against ours (installs them outside the tree)
#   make fuzz [FUZZ_SECONDS=60] [T=fuzz_yaml]    every parser of outside bytes
#   make sanitize                 the suites under ASan and UBSan only
#   make sim [SEEDS=100000]       the simulator
#   make web [T="way run"]         the pages in a real browser (WEB_SHOTS=FOLDER keeps pictures)
#   make lint                     layers, purity, sizes, layout, cppcheck
#   make format [FILES=...]       let clang-format lay out files (default: src/base)
#   make install [PREFIX=/usr/local] [DESTDIR=]
#   make clean

BUILD ?= build
ASAN_BUILD = $(BUILD)-asan
ASAN_SETUP = -Db_sanitize=address,undefined -Doptimization=1
PREFIX ?= /usr/local
DESTDIR ?=
DEMO_ARGS ?=
FUZZ_SECONDS ?= 60
SOAK_SECONDS ?= 120
T ?=
FILES ?= src/base/*.[ch] tests/unit/*.[ch]
WHERE = $(if $(SAN),$(ASAN_BUILD),$(BUILD))

all: deps
	@tools/build.sh $(BUILD) all

deps:
	@tools/install-deps.sh build run

test-deps:
	@tools/install-deps.sh build run test

demo: all
	@$(BUILD)/penstock demo $(DEMO_ARGS)

test: test-deps
	@tools/test.sh $(BUILD)

sanitize: test-deps
	@tools/test.sh $(BUILD) asan

unit: test-deps
	@tools/build.sh $(WHERE) $(if $(SAN),--setup "$(ASAN_SETUP)") tests/$(T)
	@tools/run-tests.sh $(WHERE) $(T)

sim: test-deps
	@tools/build.sh $(BUILD) all tests
	@SEEDS=$(SEEDS) TEST_SECONDS=86400 tools/run-tests.sh $(BUILD) --folder sim

bench: test-deps
	@tools/bench.sh $(BUILD)

soak: test-deps
	@tools/build.sh $(BUILD) all tests/soak_face tests/gen_journal
	@PENSTOCK=$(abspath $(BUILD))/penstock SOAK_SECONDS=$(SOAK_SECONDS) tests/soak/face.sh
	@PENSTOCK=$(abspath $(BUILD))/penstock tests/soak/export.sh

peers: test-deps
	@tools/build.sh $(BUILD) all tests/oidc_login tests/workload_documents
	@tests/peers/run.sh $(BUILD) $(T)

fuzz: test-deps
	@tools/fuzz.sh $(BUILD)-fuzz $(FUZZ_SECONDS) $(T)

web: test-deps
	@tools/build.sh $(BUILD) all
	@PENSTOCK=$(CURDIR)/$(BUILD)/penstock tests/web/run.sh $(T)

lint: test-deps
	@tools/build.sh $(BUILD) all
	@tools/lint.sh $(BUILD)

format: test-deps
	@clang-format-14 -i $(FILES)

install: all
	@meson configure $(BUILD) -Dprefix=$(PREFIX)
	@tools/build.sh $(BUILD) all
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-fuzz

.PHONY: all deps test-deps demo test sanitize unit sim soak bench peers fuzz web lint format install clean
