# A newcomer's two commands are `make run` and `make test`. Both install what the machine lacks (deploy/setup.sh says what).

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory

WEB := signaling/web
# A Node that setup put here, because the system's is too old, comes first; nft and ip live in sbin.
TOOLS := PATH="$(addsuffix :,$(wildcard $(CURDIR)/deploy/node/node_modules/node-linux-*/bin))$$PATH:/usr/sbin:/sbin"
# How many inputs each fuzz target tries; `make fuzz FUZZTIME=10m` is for nights.
FUZZTIME ?= 500x
# `make run ARGS="--data DIR"` hands options to the daemon.
ARGS ?=

# `make bench BENCH="-json FILE"` and `make bench-live BENCH="-rounds 1"` hand options to the benchmark.
BENCH ?=

.PHONY: run test style page build release reproduce setup lint unit attack attack-e2ee tap fuzz web web-fuzz e2e e2e-all screens traces bench bench-live bench-e2ee bench-page clean

run: ## starts a demo session on this machine
	deploy/setup.sh page
	$(MAKE) build
	exec bin/alcove dev $(ARGS)

# Each step says how long it took. style fails early; e2e is the slowest. lint is not among them: it builds Helm, which takes
# minutes the first time.
STEPS := setup build style web unit fuzz e2e

test: ## everything, browser tests included
	@for step in $(STEPS); do \
		printf '\n== %s\n' $$step; begin=$$SECONDS; \
		$(MAKE) $$step; \
		printf '== %s took %d s\n' $$step $$((SECONDS - begin)); \
	done; \
	printf '\nall passed in %d s\n' $$SECONDS

setup:
	deploy/setup.sh test

# npm writes the hidden lock file last, so its age tells whether an installation is whole and current.
$(WEB)/node_modules/.package-lock.json: $(WEB)/package-lock.json $(WEB)/package.json
	cd $(WEB) && npm ci --no-fund --no-audit --loglevel=error
	touch $@

page: $(WEB)/node_modules/.package-lock.json ## bundles the page that the daemon embeds
	cd $(WEB) && $(TOOLS) node build.mjs

build: page ## bin/alcove
	go build -trimpath -o bin/alcove ./cmd/alcove

release: page ## bin/release/alcove: static, without paths or times
	deploy/build.sh bin/release/alcove
	cd bin/release && sha256sum alcove | tee alcove.sha256

reproduce: $(WEB)/node_modules/.package-lock.json ## builds the release twice, in two folders, and compares
	$(TOOLS) deploy/reproduce.sh

lint: style ## what is deployed, too, by the tools that will read it
	deploy/setup.sh lint || true # what stays missing is printed as skipped
	@deploy/lint.sh

style:
	go vet ./...
	@unformatted=$$(gofmt -l $$(go list -f '{{.Dir}}' ./...) | sort -u); \
	if [ -n "$$unformatted" ]; then printf 'not formatted by gofmt:\n%s\n' "$$unformatted"; exit 1; fi

# Many tests wait for daemons and disks: four packages at once use two cores better than two.
# style has vetted everything.
unit: ## Go tests under the race detector
	go test -race -vet=off -p 4 ./...
	go test -vet=off ./sfu -run 'TestVirtualPaths|TestSimulatedHour'

# Needs root or user namespaces. The quick part of it is in unit, too.
attack: ## hostile clients, written by hand, against the daemon in a network namespace
	ATTACK_LONG=1 go test -count=1 -v ./loadtest/attack

tap: build ## reads the memory and the disk of a daemon that records an encrypted session, and one without encryption
	$(TOOLS) $(WEB)/e2e/run.sh tap

# The server of loadtest/malserver attacks its own sessions. It takes some minutes.
attack-e2ee: build ## a server that lies and forges, against encrypted sessions in real Chromium
	go build -o bin/malserver ./loadtest/malserver
	bin/malserver -build bin/alcove-malicious
	$(TOOLS) $(WEB)/e2e/run.sh attack/malserver attack/recorder

fuzz: ## every fuzz target for FUZZTIME
	deploy/fuzz.sh $(FUZZTIME)

web: $(WEB)/node_modules/.package-lock.json ## types and tests of the page
	cd $(WEB) && $(TOOLS) node node_modules/typescript/bin/tsc --noEmit
	cd $(WEB) && $(TOOLS) node test.mjs

web-fuzz: $(WEB)/node_modules/.package-lock.json ## long random sessions of the group of end-to-end encryption; some minutes
	cd $(WEB) && ALCOVE_LONG=1 $(TOOLS) node test.mjs e2ee/mls e2ee/group

# Sessions in real browsers. Screenshots of each stage are in signaling/web/e2e/out.
e2e: build
	go build -o bin/loadtest ./loadtest
	$(TOOLS) $(WEB)/e2e/run.sh

e2e-all: build ## every browser test: networks, restarts, frames, thirty people; a quarter of an hour
	go build -o bin/loadtest ./loadtest
	$(TOOLS) $(WEB)/e2e/run.sh --all

# SCREENS_LANGUAGES=en,de narrows the languages, and SCREENS="waiting messages" the states.
screens: build ## pictures of every state, size, scheme and language in signaling/web/e2e/out/screens; renews the one in the README
	$(TOOLS) $(WEB)/e2e/run.sh --screens $(SCREENS)
	[ -n "$(SCREENS)" ] || cp $(WEB)/e2e/out/session.png $(WEB)/

traces: ## the bandwidth estimator on simulated paths; bin/traces.html has a picture of each
	mkdir -p bin
	go test ./sfu/bwe -run TestTraces -count=1 -traces $(CURDIR)/bin/traces.html

bench: ## CPU of a forwarded packet against a bare loop over the same packets
	go build -o bin/bench ./loadtest/bench
	bin/bench forward $(BENCH)

# Needs two cores, and root or user namespaces; installs Janus if it is missing, and says so.
bench-live: build ## the daemon and Janus, each alone on a core, under the same paced clients
	go build -o bin/bench ./loadtest/bench
	bin/bench live $(BENCH)

# PEOPLE, ROUNDS and SECONDS_EACH of sessions with and without encryption, in turn, in one Chromium.
bench-e2ee: build ## what end-to-end encryption costs: sealing and opening frames, joining, processor time
	$(TOOLS) $(WEB)/e2e/run.sh --bench e2ee crypto
	for people in $(or $(PEOPLE),2 4 8); do $(TOOLS) $(WEB)/e2e/run.sh --bench e2ee sessions $$people $(or $(ROUNDS),3) $(or $(SECONDS_EACH),10); done

# PEOPLE and SECONDS_EACH. The page before a change: check it out, and run this again.
bench-page: build ## processor time of the page in groups of 8, 16 and 30, in headless Chromium
	go build -o bin/loadtest ./loadtest
	$(TOOLS) $(WEB)/e2e/run.sh --bench page $(or $(PEOPLE),8 16 30) --seconds $(or $(SECONDS_EACH),10)

clean:
	rm -rf bin $(WEB)/e2e/out
