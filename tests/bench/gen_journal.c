/*
 * gen_journal FILE MEGABYTES: a journal of so many records that its export has about so many megabytes, for tests of what reads all of it. Records
 * are those of an ended project: 1 KiB each, and nothing to be done.
 */
#include "store/adapters.h"

#include "base/mem.h"
#include "core/chain.h"

#include <stdio.h>
#include <stdlib.h>

#define PAYLOAD 1024
#define BATCH   2000
#define FRAME   300 /* of a line, beside the payload */

static void must(enum rc rc, const struct err *err)
{
	if (rc == RC_OK)
		return;
	fprintf(stderr, "gen_journal: %s\n", err->msg);
	exit(1);
}

/* Canonical JSON that no two records share, so that it does not pack to nothing. */
static void fill(char *to, uint64_t seq)
{
	static const char hex[] = "0123456789abcdef";
	int n = snprintf(to, PAYLOAD, "{\"job\":\"run-%llu/ci/web/test\",\"note\":\"",
			 (unsigned long long)(seq / 10));
	uint64_t x = seq * 0x9e3779b97f4a7c15u + 1;

	while (n < PAYLOAD - 3) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		to[n++] = hex[x >> 60];
	}
	(void)snprintf(to + n, 3, "\"}");
}

int main(int argc, char **argv)
{
	static char payloads[BATCH][PAYLOAD];
	static struct record records[BATCH];
	struct store *store = NULL;
	struct err err = {0};
	struct digest last = {{0}};
	uint64_t seq = 0;

	if (argc != 3)
		return 2;
	uint64_t wanted = strtoull(argv[2], NULL, 10) * 1000000 / (PAYLOAD + FRAME);
	must(store_sqlite_open(argv[1], &store, &err), &err);
	while (seq < wanted) {
		size_t n = 0;

		for (; n < BATCH && seq < wanted; n++) {
			struct record *r = &records[n];

			fill(payloads[n], ++seq);
			*r = (struct record){.seq = seq,
					     .time = 1700000000000000 + seq * 1000,
					     .actor = STR("engine"),
					     .subject = STR("run-1"),
					     .type = STR("job.ended"),
					     .payload = str_of(payloads[n]),
					     .prev = last};
			r->hash = chain_hash(r);
			last = r->hash;
		}
		struct store_batch batch = {.records = records, .n_records = n};
		must(store_commit(store, &batch, &err), &err);
	}
	store_free(store);
	printf("%llu\n", (unsigned long long)seq);
	return 0;
}
