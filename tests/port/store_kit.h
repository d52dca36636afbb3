/* What the tests of stores share: records that follow one another, batches, a folder of one's own.
 */
#pragma once
#include "store/adapters.h"
#include "unit/unit.h"

#include "base/mem.h"
#include "io/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define OK(call)                                                                   \
	do {                                                                       \
		struct err err = {0};                                              \
		if ((call) != RC_OK)                                               \
			fail_msg("%s: %s", #call, err.msg);                        \
		if (err.rc != RC_OK)                                               \
			fail_msg("%s worked, and still says: %s", #call, err.msg); \
	} while (0)
/* The call answers rc and its text holds `part`. */
#define FAILS(want, part, call)                                                \
	do {                                                                   \
		struct err err = {0};                                          \
		enum rc got_ = (call);                                         \
		if (got_ != (want) || !strstr(err.msg, (part)))                \
			fail_msg("%s: %s: %s", #call, rc_name(got_), err.msg); \
	} while (0)

struct chain_end {
	struct digest hash;
	uint64_t seq;
};
/* n records after *end, each with the payload {"n":seq,"pad":"..."}. Freed by kit_free(). */
static UNUSED struct record *kit_records(struct chain_end *end, size_t n, size_t pad)
{
	struct record *r = xcalloc(n, sizeof(*r));

	for (size_t i = 0; i < n; i++) {
		uint64_t seq = end->seq + 1;
		char *text = xasprintf("{\"n\":%llu,\"pad\":\"%0*d\"}", (unsigned long long)seq,
				       (int)pad, 0);
		r[i] = (struct record){.seq = seq,
				       .time = 1700000000000000 + seq,
				       .actor = STR("engine"),
				       .subject = STR("run-1"),
				       .type = STR("job.ended"),
				       .payload = str_of(text),
				       .prev = end->hash};
		r[i].hash = chain_hash(&r[i]);
		*end = (struct chain_end){r[i].hash, seq};
	}
	return r;
}

static UNUSED void kit_free(struct record *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free((char *)(uintptr_t)r[i].payload.p);
	free(r);
}

/* Commit n records and nothing else; end moves on success only. */
static UNUSED enum rc kit_commit(struct store *s, struct chain_end *end, size_t n, struct err *err)
{
	struct chain_end next = *end;
	struct record *r = kit_records(&next, n, 8);
	struct store_batch b = {.records = r, .n_records = n};
	enum rc rc = store_commit(s, &b, err);

	if (rc == RC_OK)
		*end = next;
	kit_free(r, n);
	return rc;
}

static UNUSED enum rc kit_snapshot(struct store *s, const char *kind, const char *id,
				   const char *json, bool ended, struct err *err)
{
	struct store_snapshot n = {str_of(kind), str_of(id), str_of(json), ended};
	struct store_batch b = {.snapshots = &n, .n_snapshots = 1};

	return store_commit(s, &b, err);
}

static UNUSED char *kit_folder(void)
{
	char *path =
		xasprintf("%s/penstock-test-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");

	assert_non_null(mkdtemp(path));
	return path;
}

static UNUSED void kit_remove(char *folder)
{
	OK(tree_remove(folder, &err));
	free(folder);
}

/* Walks that write what they see as text, so that a test compares one string. */
static UNUSED bool kit_note_snapshot(void *ctx, const struct store_snapshot *s)
{
	strbuf_addf(ctx, "%.*s/%.*s=%.*s%s ", (int)s->kind.n, s->kind.p, (int)s->id.n, s->id.p,
		    (int)s->json.n, s->json.p, s->ended ? "!" : "");
	return true;
}

static UNUSED bool kit_note_pending(void *ctx, const struct store_pending *p)
{
	strbuf_addf(ctx, "%.*s:%.*s:%.*s:%u:%llu ", (int)p->id.n, p->id.p, (int)p->kind.n,
		    p->kind.p, (int)p->json.n, p->json.p, p->attempts, (unsigned long long)p->next);
	return true;
}

static UNUSED bool kit_note_seq(void *ctx, const struct record *r)
{
	strbuf_addf(ctx, "%llu ", (unsigned long long)r->seq);
	return true;
}
