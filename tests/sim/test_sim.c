/* Seeded histories of the whole engine. SEED=n: one, with its trace. SEEDS=n, SIM_SECONDS=n: how many, how long. */
#include "sim.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/log.h"
#include "io/clock.h"

#ifdef __SANITIZE_ADDRESS__
#define HISTORIES 60
#else
#define HISTORIES 700
#endif
#define SEEDS_FILE "tests/sim/seeds.txt"

struct sums {
	uint64_t histories, events, records, crashes, live, rolled_back, injected, landed,
		lost_agents, superseded, scheduled, failed;
};

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	uint64_t n = otherwise;

	return text && parse_u64(str_of(text), &n) ? n : otherwise;
}

static bool one(uint64_t seed, const struct sim_options *o, struct sums *sums)
{
	struct sim_result r;

	sim_run(seed, o, &r);
	sums->histories++;
	sums->events += r.events;
	sums->records += r.records;
	sums->crashes += r.crashes;
	sums->live += r.live;
	sums->rolled_back += r.rolled_back;
	sums->injected += r.injected;
	sums->landed += r.landed;
	sums->lost_agents += r.lost_agents;
	sums->superseded += r.superseded;
	sums->scheduled += r.scheduled;
	if (!r.failed)
		return true;
	sums->failed++;
	printf("# seed %llu, history %llu: invariant %u: %s\n", (unsigned long long)seed,
	       (unsigned long long)sums->histories, r.number, r.why);
	return false;
}

/* A history that broke, once more with its trace. */
static void show(uint64_t seed, const struct sim_options *o)
{
	struct sim_options loud = *o;
	struct sim_result r;

	loud.keep_trace = true;
	sim_run(seed, &loud, &r);
	printf("# replay it with its whole trace: SEED=%llu build/tests/test_sim\n",
	       (unsigned long long)seed);
}

static bool many(uint64_t from, uint64_t n, uint64_t seconds, const struct sim_options *o,
		 struct sums *sums)
{
	usec_t end = clock_mono() + seconds * USEC_SEC;

	for (uint64_t seed = from; seed < from + n && clock_mono() < end; seed++)
		if (!one(seed, o, sums)) {
			if (getenv("KEEP_GOING"))
				continue;
			show(seed, o);
			return false;
		}
	return sums->failed == 0;
}

/* The kind of a history stands in its seed. */
static const struct {
	const char *what;
	struct sim_options o;
	uint64_t share;
} kinds[] = {
	{"nothing goes wrong", {.faults = false}, 10},
	{"people", {.people = true}, 20},
	{"faults", {.faults = true}, 30},
	{"people and faults", {.people = true, .faults = true}, 40},
	{"requests and the clock", {.people = true, .ci = true}, 20},
	{"requests, the clock and faults", {.people = true, .faults = true, .ci = true}, 40},
	{"who may come in", {.people = true, .access = true}, 5},
	{"who may come in, and faults", {.people = true, .faults = true, .access = true}, 15},
};

static const struct sim_options *options_of(uint64_t seed)
{
	return &kinds[seed / 1000000 % ARRAY_LEN(kinds)].o;
}

static bool kept(struct sums *sums)
{
	FILE *f = fopen(SEEDS_FILE, "r"); /* tests run in the root of the tree */
	char line[256];
	bool good = true;

	while (f && fgets(line, sizeof(line), f)) {
		struct str rest = str_of(line), first = str_trim(str_cut(&rest, '#'));
		uint64_t seed;

		if (parse_u64(first, &seed) && !one(seed, options_of(seed), sums)) {
			show(seed, options_of(seed));
			good = false;
		}
	}
	if (f)
		fclose(f);
	return good;
}

static void tell(unsigned n, bool good, const char *what, const struct sums *s, usec_t took)
{
	printf("%s %u - %s: %llu histories, %llu events, %llu kills, %llu faults, %llu live, %llu rolled back, %llu merges landed, %llu agents lost, %llu superseded, %llu by the clock, %.1f s\n",
	       good ? "ok" : "not ok", n, what, (unsigned long long)s->histories,
	       (unsigned long long)s->events, (unsigned long long)s->crashes,
	       (unsigned long long)s->injected, (unsigned long long)s->live,
	       (unsigned long long)s->rolled_back, (unsigned long long)s->landed,
	       (unsigned long long)s->lost_agents, (unsigned long long)s->superseded,
	       (unsigned long long)s->scheduled, (double)took / (double)USEC_SEC);
	(void)fflush(stdout);
}

int main(void)
{
	struct sim_options all = {.script = getenv("SCRIPT")};
	uint64_t n = number("SEEDS", HISTORIES), seconds = number("SIM_SECONDS", 90),
		 from = number("FROM", 1);
	bool good = true;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (!getenv("SIM_LOG"))
		log_open(-1, false, LOG_ERROR);
	if (getenv("SEED")) {
		struct sums sums = {0};
		uint64_t seed = number("SEED", 1);
		if (!all.script)
			all = *options_of(seed);
		all.trace = true;
		return !one(seed, &all, &sums);
	}
	printf("1..%zu\n", ARRAY_LEN(kinds) + 1);
	for (unsigned k = 0; k < ARRAY_LEN(kinds); k++) {
		struct sums sums = {0};
		usec_t began = clock_mono();
		bool fine = many(from + k * 1000000, n * kinds[k].share / 100, seconds, &kinds[k].o,
				 &sums);

		tell(k + 1, fine, kinds[k].what, &sums, clock_mono() - began);
		good = good && fine;
	}
	struct sums sums = {0};
	usec_t began = clock_mono();
	bool fine = kept(&sums);
	tell((unsigned)ARRAY_LEN(kinds) + 1, fine, "histories that broke once", &sums,
	     clock_mono() - began);
	return !(good && fine);
}
