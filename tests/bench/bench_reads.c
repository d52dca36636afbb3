/*
 * What the API reads with 10,000 runs of 20 jobs stored, their releases and rollouts, and 100,000 records: pages, filters, one run's jobs, one rollout's
 * records, insights, search. Each request on its own connection.
 */
#include "bench/reads_world.h"

#define TIMES 50

static uint64_t resident(void)
{
	AUTO(strbuf_done) struct strbuf text_of = STRBUF(65536);
	struct err err = {0};

	if (file_read("/proc/self/status", 65536, &text_of, &err) != RC_OK)
		return 0;
	const char *at = strstr(strbuf_cstr(&text_of), "VmRSS:");
	return at ? strtoull(at + 6, NULL, 10) : 0;
}

static const struct {
	const char *what, *line;
	double budget; /* ms, of a request after the first */
} asks[] = {
	{"a page of 20 runs", "GET " WIRE_RUNS, 5},
	{"a page in the middle", "GET " WIRE_RUNS "?cursor=i5000", 5},
	{"failed runs, the first time all is read", "GET " WIRE_RUNS "?state=failed", 5},
	{"runs by text", "GET " WIRE_RUNS "?text=number%204711", 5},
	{"the longest runs", "GET " WIRE_RUNS "?sort=-duration", 5},
	{"rollouts of a service", "GET " WIRE_ROLLOUTS "?unit=unit-7&environment=production", 5},
	{"the jobs of an ended run", "GET " WIRE_RUNS "/run-77/jobs", 5},
	{"jobs that failed (none: a scan)", "GET " WIRE_JOBS "?state=failed", 100},
	{"a rollout's records of 100,000", "GET " WIRE_JOURNAL "?subject=ro-77", 5},
	{"a rollout's curves", "GET " WIRE_ROLLOUTS "/ro-77/curves", 5},
	{"what was live", "GET " WIRE_ENVIRONMENTS "/production/history?unit=unit-7", 5},
	{"a page of changes", "GET " WIRE_CHANGES, 5},
	{"changes by text", "GET " WIRE_CHANGES "?text=number%204711", 20},
	{"a page of artifacts", "GET " WIRE_ARTIFACTS, 20},
	{"artifacts of a service", "GET " WIRE_ARTIFACTS "?unit=orders&live=0", 20},
	{"the stages of an ended run", "GET " WIRE_RUNS "/run-77/stages", 5},
	{"the verdicts of a rollout", "GET " WIRE_ROLLOUTS "/ro-77/verdicts", 5},
	{"search", "GET " WIRE_SEARCH "?q=4711", 20},
	{"insights of all", "GET " WIRE_INSIGHTS "?since=1700000000000000&until=1704000000000000",
	 20},
};

static void measure(void)
{
	for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
		usec_t first = 0, worst = 0, sum = 0;

		for (int k = 0; k <= TIMES; k++) {
			usec_t began = clock_mono();
			AUTO(freep) char *answer = request(asks[i].line, "");
			usec_t took = clock_mono() - began;

			if (strncmp(answer, "HTTP/1.1 200", 12) != 0)
				fail_msg("%s: %.500s", asks[i].what, answer);
			if (k == 0) {
				first = took;
				continue;
			}
			sum += took;
			worst = MAX_OF(worst, took);
		}
		double mean = (double)sum / TIMES / 1e3;
		printf("| API, 10,000 runs: %s | %.2f ms (first %.0f, worst %.2f) | - | - | %.0f ms%s |\n",
		       asks[i].what, mean, (double)first / 1e3, (double)worst / 1e3, asks[i].budget,
		       mean > asks[i].budget ? " **over**" : "");
		fflush(stdout);
	}
	printf("API, 10,000 runs: %llu KiB resident\n", (unsigned long long)resident());
}

static void reads(void **state)
{
	(void)state;
	beside(measure);
}

int main(void)
{
	const struct CMUnitTest tests[] = {KIT_CASE(reads)};

	kit_store = open_sqlite;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
