/* One suite for all stores. */
#include "port/store_kit.h"

#include "store/verify.h"

#include <pthread.h>
#include <stdatomic.h>

struct kind {
	const char *name;
	struct store *(*open)(const char *folder, struct store *before);
};
struct fix {
	const struct kind *kind;
	char *folder;
	struct store *s;
	struct chain_end end;
};

static struct store *open_sqlite(const char *folder, struct store *before)
{
	AUTO(freep) char *path = xasprintf("%s/journal.db", folder);
	struct store *s = NULL;

	store_free(before);
	OK(store_sqlite_open(path, &s, &err));
	return s;
}

/* A memory store "opened again" is what a crash left of it. */
static struct store *open_memory(const char *folder, struct store *before)
{
	struct store *s = before ? store_memory_clone(before) : store_memory_new();

	(void)folder;
	store_free(before);
	return s;
}

static const struct kind kinds[] = {{"sqlite", open_sqlite}, {"memory", open_memory}};

static void again(struct fix *f)
{
	f->s = f->kind->open(f->folder, f->s);
}

static char *seen(enum rc rc, struct strbuf *b)
{
	assert_int_equal(rc, RC_OK);
	assert_false(strbuf_failed(b));
	return strbuf_take(b);
}

static void check_text(char *got, const char *want, const char *why)
{
	CHECK_STR(got, want, why);
	free(got);
}

static char *active(struct store *s)
{
	struct strbuf b = STRBUF(1 << 20);
	return seen(store_active(s, kit_note_snapshot, &b, NULL), &b);
}

static char *list(struct store *s, const char *kind, uint32_t limit)
{
	struct strbuf b = STRBUF(1 << 20);
	return seen(store_list(s, str_of(kind), limit, kit_note_snapshot, &b, NULL), &b);
}

static char *outbox(struct store *s)
{
	struct strbuf b = STRBUF(1 << 20);
	return seen(store_outbox(s, kit_note_pending, &b, NULL), &b);
}

static char *journal(struct store *s, uint64_t from, uint64_t limit)
{
	struct strbuf b = STRBUF(1 << 20);
	return seen(store_journal(s, from, limit, kit_note_seq, &b, NULL), &b);
}

static void an_empty_store(struct fix *f)
{
	struct store_batch none = {0};
	AUTO(strbuf_done) struct strbuf b = STRBUF(64);
	struct record last = {0};
	bool any = true;

	OK(store_last(f->s, &last, &any, &err));
	assert_false(any);
	check_text(active(f->s), "", "active");
	check_text(outbox(f->s), "", "outbox");
	check_text(journal(f->s, 0, 0), "", "journal");
	FAILS(RC_NOT_FOUND, "run-1", store_get(f->s, STR("run"), STR("run-1"), &b, &err));
	FAILS(RC_NOT_FOUND, "1.0", store_defer(f->s, STR("1.0"), 1, 2, &err));
	OK(store_commit(f->s, &none, &err));
	OK(store_check(f->s, &err));
}

static void records_are_dense_and_chained(struct fix *f)
{
	struct record last = {0};
	bool any = false;

	OK(kit_commit(f->s, &f->end, 1, &err));
	OK(kit_commit(f->s, &f->end, 5, &err));
	again(f);
	OK(kit_commit(f->s, &f->end, 2, &err));
	OK(store_last(f->s, &last, &any, &err));
	assert_true(any && last.seq == 8 && last.time == 1700000000000008);
	assert_true(digest_eq(last.hash, f->end.hash));
	check_text(journal(f->s, 0, 0), "1 2 3 4 5 6 7 8 ", "all");
	check_text(journal(f->s, 3, 2), "3 4 ", "a page");
	check_text(journal(f->s, 8, 100), "8 ", "the end");
	check_text(journal(f->s, 9, 0), "", "behind the end");
	/* what does not follow is refused, and nothing of its batch stays */
	struct chain_end fork = {f->end.hash, f->end.seq + 1};
	FAILS(RC_CONFLICT, "record 10", kit_commit(f->s, &fork, 1, &err));
	fork = (struct chain_end){{{1}}, f->end.seq};
	FAILS(RC_CONFLICT, "record 9", kit_commit(f->s, &fork, 3, &err));
	check_text(journal(f->s, 8, 0), "8 ", "nothing came");
}

static void the_second_of_a_batch_counts(struct fix *f)
{
	struct chain_end next = f->end;
	struct record *r = kit_records(&next, 3, 4);
	struct store_snapshot snap = {STR("run"), STR("run-1"), STR("{}"), false};
	struct store_batch b = {.records = r, .n_records = 3, .snapshots = &snap, .n_snapshots = 1};

	r[1].payload.n--; /* changed after its hash */
	FAILS(RC_CONFLICT, "record 2", store_commit(f->s, &b, &err));
	check_text(journal(f->s, 0, 0), "", "no record");
	check_text(active(f->s), "", "no snapshot");
	r[1].payload.n++;
	OK(store_commit(f->s, &b, &err));
	kit_free(r, 3);
	check_text(active(f->s), "run/run-1={} ", "snapshot");
}

static void snapshots(struct fix *f)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(64);

	OK(kit_snapshot(f->s, "run", "run-1", "1", false, &err));
	OK(kit_snapshot(f->s, "run", "run-2", "2", false, &err));
	OK(kit_snapshot(f->s, "release", "rel-1", "r", false, &err));
	OK(kit_snapshot(f->s, "run", "run-1", "1b", false, &err)); /* keeps its place */
	OK(kit_snapshot(f->s, "run", "run-3", "3", true, &err));
	again(f);
	check_text(active(f->s), "run/run-1=1b run/run-2=2 release/rel-1=r ",
		   "in order of first writing");
	check_text(list(f->s, "run", 10), "run/run-3=3! run/run-2=2 run/run-1=1b ", "newest first");
	check_text(list(f->s, "run", 2), "run/run-3=3! run/run-2=2 ", "limit");
	check_text(list(f->s, "run", 0), "", "limit 0");
	check_text(list(f->s, "ru", 9), "", "another kind");
	OK(kit_snapshot(f->s, "run", "run-1", "1c", true, &err));
	check_text(active(f->s), "run/run-2=2 release/rel-1=r ", "ended");
	OK(kit_snapshot(f->s, "run", "run-1", "1d", false, &err));
	check_text(active(f->s), "run/run-1=1d run/run-2=2 release/rel-1=r ", "and not any more");
	OK(store_get(f->s, STR("run"), STR("run-3"), &b, &err));
	assert_string_equal(strbuf_cstr(&b), "3");
	FAILS(RC_NOT_FOUND, "release \"run-3\"",
	      store_get(f->s, STR("release"), STR("run-3"), &b, &err));
}

static char *before(struct store *s, const char *kind, const char *id, uint32_t limit)
{
	struct strbuf b = STRBUF(1 << 20);
	return seen(store_before(s, str_of(kind), str_of(id), limit, kit_note_snapshot, &b, NULL),
		    &b);
}

static char *range(struct store *s, const char *from, const char *to, uint32_t limit)
{
	struct strbuf b = STRBUF(1 << 20);
	return seen(store_range(s, STR("job"), str_of(from), str_of(to), limit, kit_note_snapshot,
				&b, NULL),
		    &b);
}

static void pages_go_on_where_one_ended(struct fix *f)
{
	OK(kit_snapshot(f->s, "run", "run-1", "1", true, &err));
	OK(kit_snapshot(f->s, "release", "run-2", "r", true, &err));
	OK(kit_snapshot(f->s, "run", "run-2", "2", true, &err));
	OK(kit_snapshot(f->s, "run", "run-3", "3", false, &err));
	OK(kit_snapshot(f->s, "run", "run-1", "1b", true, &err)); /* keeps its place */
	again(f);
	check_text(before(f->s, "run", "run-3", 10), "run/run-2=2! run/run-1=1b! ", "a page");
	check_text(before(f->s, "run", "run-3", 1), "run/run-2=2! ", "its limit");
	OK(kit_snapshot(f->s, "run", "run-4", "4", false, &err)); /* what comes meanwhile */
	check_text(before(f->s, "run", "run-3", 1), "run/run-2=2! ", "the same page");
	check_text(before(f->s, "run", "run-1", 10), "", "the end");
	check_text(before(f->s, "run", "run-9", 10), "", "no such id");
	check_text(before(f->s, "run", "run-3", 0), "", "limit 0");
}

static void ids_of_a_range(struct fix *f)
{
	static const char *const ids[] = {"run-2/ci/a", "run-1/ci/b",        "run-10/ci/a",
					  "run-1/ci/a", "run-1/ci/\xc3\xa9", "run-1"};

	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		OK(kit_snapshot(f->s, "job", ids[i], "{}", i % 2, &err));
	OK(kit_snapshot(f->s, "run", "run-1/ci/a", "{}", false, &err));
	again(f);
	check_text(range(f->s, "run-1/", "run-10", 100),
		   "job/run-1/ci/a={}! job/run-1/ci/b={}! job/run-1/ci/\xc3\xa9={} ",
		   "one run's, in order of id");
	check_text(range(f->s, "run-1/", "run-10", 2), "job/run-1/ci/a={}! job/run-1/ci/b={}! ",
		   "limit");
	check_text(range(f->s, "run-1/ci/b", "run-1/ci/b", 9), "", "empty");
	check_text(range(f->s, "run-3", "run-1", 9), "", "backwards");
}

static char *about(struct store *s, const char *subject, uint64_t from, uint64_t limit)
{
	struct strbuf b = STRBUF(1 << 20);
	return seen(store_about(s, str_of(subject), from, limit, kit_note_seq, &b, NULL), &b);
}

static void records_about_one_thing(struct fix *f)
{
	static const char *const subjects[] = {"ro-1", "ro-2", "ro-1", "ro-10", "ro-1"};

	for (size_t i = 0; i < ARRAY_LEN(subjects); i++) {
		struct chain_end next = f->end;
		struct record *r = kit_records(&next, 1, 1);
		struct store_batch b = {.records = r, .n_records = 1};

		r->subject = str_of(subjects[i]);
		r->hash = next.hash = chain_hash(r);
		OK(store_commit(f->s, &b, &err));
		kit_free(r, 1);
		f->end = next;
	}
	again(f);
	check_text(about(f->s, "ro-1", 0, 0), "1 3 5 ", "all of it");
	check_text(about(f->s, "ro-1", 2, 0), "3 5 ", "from");
	check_text(about(f->s, "ro-1", 1, 2), "1 3 ", "limit");
	check_text(about(f->s, "ro-10", 0, 0), "4 ", "the whole name");
	check_text(about(f->s, "ro", 0, 0), "", "nobody");
}

static char *back(struct store *s, const char *subject, uint64_t from, uint64_t limit)
{
	struct strbuf b = STRBUF(1 << 20);
	return seen(store_back(s, str_of(subject), from, limit, kit_note_seq, &b, NULL), &b);
}

static void the_newest_come_first(struct fix *f)
{
	check_text(back(f->s, "", UINT64_MAX, 9), "", "empty");
	OK(kit_commit(f->s, &f->end, 6, &err));
	check_text(back(f->s, "", UINT64_MAX, 3), "6 5 4 ", "from the end");
	check_text(back(f->s, "", 3, 9), "3 2 1 ", "from one on");
	check_text(back(f->s, "", 0, 9), "", "before the first");
	check_text(back(f->s, "", 6, 0), "", "limit 0");
	check_text(back(f->s, "run-1", 5, 2), "5 4 ", "of one subject");
	check_text(back(f->s, "run-2", 5, 2), "", "of another");
}

static uint64_t anchor_seq(struct store *s, struct digest *ret_hash)
{
	struct record anchor = {0};

	OK(store_anchor(s, &anchor, &err));
	*ret_hash = anchor.hash;
	return anchor.seq;
}

/* What an archive took leaves the store, and the chain still holds. */
static void the_oldest_leave(struct fix *f)
{
	struct store_report report = {0};
	struct digest hash, zeros = {0};
	struct chain_end third = f->end;

	assert_int_equal(anchor_seq(f->s, &hash), 0);
	assert_true(digest_eq(hash, zeros));
	FAILS(RC_INVALID, "last record", store_trim(f->s, 0, 10, &err));
	OK(kit_commit(f->s, &third, 3, &err));
	f->end = third;
	OK(kit_commit(f->s, &f->end, 5, &err));
	FAILS(RC_INVALID, "last record", store_trim(f->s, 8, 10, &err));
	OK(store_trim(f->s, 3, 0, &err));
	OK(store_trim(f->s, 3, 2, &err));
	check_text(journal(f->s, 0, 0), "3 4 5 6 7 8 ", "two left");
	again(f);
	OK(store_trim(f->s, 3, 100, &err));
	OK(store_trim(f->s, 3, 100, &err)); /* there are none: fine */
	OK(store_trim(f->s, 1, 100, &err));
	again(f);
	assert_int_equal(anchor_seq(f->s, &hash), 3);
	assert_true(digest_eq(hash, third.hash));
	check_text(journal(f->s, 0, 0), "4 5 6 7 8 ", "three left");
	check_text(journal(f->s, 2, 3), "4 5 6 ", "from what is gone");
	check_text(journal(f->s, 6, 2), "6 7 ", "a page");
	check_text(back(f->s, "", 5, 9), "5 4 ", "backwards");
	check_text(about(f->s, "run-1", 2, 2), "4 5 ", "of one subject");
	OK(store_verify(f->s, NULL, NULL, &report, &err));
	assert_true(report.records == 5 && report.from == 4 && report.to == 8);
	assert_true(digest_eq(report.before, third.hash));
	OK(kit_commit(f->s, &f->end, 2, &err));
	OK(store_trim(f->s, 9, 100, &err));
	again(f);
	OK(kit_commit(f->s, &f->end, 1, &err));
	check_text(journal(f->s, 0, 0), "10 11 ", "and goes on");
}

static void a_time_is_found(struct fix *f)
{
	static const struct {
		uint64_t at, want;
	} cases[] = {{0, 3},
		     {1700000000000003, 3},
		     {1700000000000006, 6},
		     {1700000000000040, 40},
		     {1700000000000041, 41},
		     {UINT64_MAX, 41}};
	uint64_t seq = 7;

	OK(store_seq_at(f->s, 5, &seq, &err));
	assert_int_equal(seq, 1);
	OK(kit_commit(f->s, &f->end, 40, &err));
	OK(store_trim(f->s, 2, 10, &err));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		OK(store_seq_at(f->s, cases[i].at, &seq, &err));
		assert_int_equal(seq, cases[i].want);
	}
}

static enum rc put_effects(struct store *s, const struct store_effect *e, size_t n,
			   const struct str *done, size_t n_done, struct err *err)
{
	struct store_batch b = {.effects = e, .n_effects = n, .done = done, .n_done = n_done};
	return store_commit(s, &b, err);
}

static void the_outbox(struct fix *f)
{
	static const struct store_effect effects[] = {
		{STR("10.0"), STR("notify"), STR("{}"), 10, 0},
		{STR("9.1"), STR("timer"), STR("b"), 9, 1},
		{STR("9.0"), STR("timer"), STR("a"), 9, 0},
		{STR("9.10"), STR("timer"), STR("d"), 9, 10},
		{STR("9.2"), STR("timer"), STR("c"), 9, 2},
	};
	static const struct store_effect twice[] = {{STR("11.0"), STR("x"), STR("new"), 11, 0},
						    {STR("9.2"), STR("x"), STR("double"), 9, 2}};
	static const struct store_effect same[] = {{STR("12.0"), STR("x"), STR("1"), 12, 0},
						   {STR("12.0"), STR("x"), STR("2"), 12, 1}};
	static const struct str done[] = {STR("9.1"), STR("10.0"), STR("7.7")};
	static const struct str now[] = {STR("11.0")};

	OK(put_effects(f->s, effects, 5, NULL, 0, &err));
	OK(store_defer(f->s, STR("9.2"), 3, UINT64_MAX, &err));
	again(f);
	check_text(outbox(f->s),
		   "9.0:timer:a:0:0 9.1:timer:b:0:0 9.2:timer:c:3:18446744073709551615 "
		   "9.10:timer:d:0:0 "
		   "10.0:notify:{}:0:0 ",
		   "by number, not by text");
	FAILS(RC_CONFLICT, "", put_effects(f->s, twice, 2, done, 3, &err));
	FAILS(RC_CONFLICT, "", put_effects(f->s, same, 2, NULL, 0, &err));
	OK(put_effects(f->s, NULL, 0, done, 3, &err));
	OK(put_effects(f->s, NULL, 0, done, 3, &err)); /* a second answer */
	check_text(outbox(f->s),
		   "9.0:timer:a:0:0 9.2:timer:c:3:18446744073709551615 9.10:timer:d:0:0 ",
		   "answered ones left");
	FAILS(RC_NOT_FOUND, "9.1", store_defer(f->s, STR("9.1"), 1, 1, &err));
	OK(put_effects(f->s, twice, 1, now, 1, &err)); /* came and went in one batch */
	check_text(outbox(f->s),
		   "9.0:timer:a:0:0 9.2:timer:c:3:18446744073709551615 9.10:timer:d:0:0 ",
		   "in and out");
}

struct count {
	struct store *s;
	uint64_t n, stop;
};

static bool count_record(void *ctx, const struct record *r)
{
	struct count *c = ctx;
	(void)r;
	return ++c->n < c->stop;
}

static bool count_nested(void *ctx, const struct store_snapshot *snap)
{
	struct count *c = ctx;
	struct count inner = {.stop = 2};
	AUTO(strbuf_done) struct strbuf b = STRBUF(64);

	OK(store_get(c->s, snap->kind, snap->id, &b, &err));
	OK(store_journal(c->s, 1, 0, count_record, &inner, &err));
	assert_int_equal(inner.n, 2);
	return ++c->n < c->stop;
}

static void a_callback_may_stop_and_read(struct fix *f)
{
	struct count c = {.s = f->s, .stop = 2};

	OK(kit_commit(f->s, &f->end, 4, &err));
	for (int i = 0; i < 3; i++) {
		char id[2] = {(char)('a' + i), 0};
		OK(kit_snapshot(f->s, "run", id, "{}", false, &err));
	}
	OK(store_active(f->s, count_nested, &c, &err));
	assert_int_equal(c.n, 2);
	OK(store_active(f->s, count_nested, &c, &err)); /* stops at once, starts anew */
	assert_int_equal(c.n, 3);
}

static void bytes_are_kept(struct fix *f)
{
	struct record r = {.seq = 1,
			   .time = UINT32_MAX,
			   .actor = STR("user:J\xc3\xbcrgen"),
			   .subject = STR(""),
			   .type = STR("\t'\"\\"),
			   .payload = STR("{\"a\":\"\xff\\u0000\xe2\x82\xac\"}")};
	struct store_batch b = {.records = &r, .n_records = 1};
	struct store_report report = {0};

	r.hash = chain_hash(&r);
	OK(store_commit(f->s, &b, &err));
	again(f);
	OK(store_verify(f->s, NULL, NULL, &report, &err));
	assert_true(report.records == 1 && report.bad == 0);
	f->end = (struct chain_end){r.hash, 1};
}

static void too_big(struct fix *f)
{
	size_t n = ((size_t)64 << 20) + 1;
	char *p = xcalloc(1, n);
	struct store_snapshot snap = {STR("run"), STR("run-1"), {p, n}, false};
	struct store_batch b = {.snapshots = &snap, .n_snapshots = 1};

	memset(p, 'x', n);
	FAILS(RC_TOO_BIG, "bytes", store_commit(f->s, &b, &err));
	free(p);
	check_text(active(f->s), "", "nothing");
}

static void note_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct count *c = ctx;
	assert_true(done <= total && done >= c->stop);
	c->stop = done;
	c->n++;
}

struct export
{
	struct strbuf text;
	struct str rest;
};

static enum rc export_line(void *ctx, struct str line, struct err *err)
{
	struct export *x = ctx;
	(void)err;
	strbuf_addstr(&x->text, line);
	return RC_OK;
}

static enum rc import_line(void *ctx, struct str *ret, bool *ret_any, struct err *err)
{
	struct export *x = ctx;
	(void)err;
	*ret_any = x->rest.n > 0;
	if (*ret_any)
		*ret = str_cut(&x->rest, '\n');
	return RC_OK;
}

static void a_hundred_thousand_records(struct fix *f)
{
	struct store_report report = {0}, read = {0};
	struct count c = {0};
	struct export x = {.text = STRBUF((size_t)1 << 30)};

	for (int i = 0; i < 100; i++)
		OK(kit_commit(f->s, &f->end, 1000, &err));
	again(f);
	OK(store_verify(f->s, note_progress, &c, &report, &err));
	assert_true(report.records == 100000 && c.stop == 100000 && c.n == 101);
	assert_true(digest_eq(report.hash, f->end.hash));
	check_text(journal(f->s, 99998, 0), "99998 99999 100000 ", "the end");
	OK(store_export(f->s, export_line, &x, &err));
	x.rest = strbuf_str(&x.text);
	OK(chain_verify_ndjson(import_line, &x, &read, &err));
	assert_true(read.records == 100000 && digest_eq(read.hash, report.hash));
	assert_true(read.first == report.first && read.last == report.last);
	strbuf_done(&x.text);
}

struct reading {
	struct store *s;
	atomic_bool stop;
	uint64_t walks;
};

static bool check_next(void *ctx, const struct record *r)
{
	uint64_t *seq = ctx;
	return ++*seq == r->seq;
}

/* Reads until told to stop; what it sees is always whole: as many records as the snapshot, written with them, says at least. */
static void *read_all_the_time(void *ctx)
{
	struct reading *reading = ctx;

	do { /* at least once: a busy machine may not let it run before the end */
		AUTO(strbuf_done) struct strbuf b = STRBUF(64);
		uint64_t said = 0, seq = 0;
		if (store_get(reading->s, STR("run"), STR("run-1"), &b, NULL) == RC_OK &&
		    !parse_u64(strbuf_str(&b), &said))
			return NULL;
		if (store_journal(reading->s, 0, 0, check_next, &seq, NULL) != RC_OK || seq < said)
			return NULL;
		reading->walks++;
	} while (!atomic_load(&reading->stop));
	return ctx;
}

static void others_read_while_one_commits(struct fix *f)
{
	struct reading readers[3] = {{.s = f->s}, {.s = f->s}, {.s = f->s}};
	pthread_t threads[3];
	void *fine = NULL;

	for (size_t i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, read_all_the_time, &readers[i]);
	for (int i = 0; i < 300; i++) {
		struct chain_end next = f->end;
		struct record *r = kit_records(&next, 3, 8);
		AUTO(freep) char *json = xasprintf("%llu", (unsigned long long)next.seq);
		struct store_snapshot snap = {STR("run"), STR("run-1"), str_of(json), false};
		struct store_batch b = {
			.records = r, .n_records = 3, .snapshots = &snap, .n_snapshots = 1};
		OK(store_commit(f->s, &b, &err));
		kit_free(r, 3);
		f->end = next;
	}
	for (size_t i = 0; i < 3; i++) {
		atomic_store(&readers[i].stop, true);
		pthread_join(threads[i], &fine);
		assert_ptr_equal(fine, &readers[i]);
		assert_true(readers[i].walks > 0);
	}
}

typedef void (*scenario)(struct fix *f);
static const struct {
	const char *name;
	scenario run;
} scenarios[] = {
	{"an empty store", an_empty_store},
	{"records are dense and chained", records_are_dense_and_chained},
	{"the second of a batch counts", the_second_of_a_batch_counts},
	{"snapshots", snapshots},
	{"pages go on where one ended", pages_go_on_where_one_ended},
	{"ids of a range", ids_of_a_range},
	{"records about one thing", records_about_one_thing},
	{"the newest come first", the_newest_come_first},
	{"the oldest leave", the_oldest_leave},
	{"a time is found", a_time_is_found},
	{"the outbox", the_outbox},
	{"a callback may stop and read", a_callback_may_stop_and_read},
	{"bytes are kept", bytes_are_kept},
	{"too big", too_big},
	{"others read while one commits", others_read_while_one_commits},
	{"a hundred thousand records", a_hundred_thousand_records},
};

static void all_scenarios(void **state)
{
	const struct kind *kind = *state;

	for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
		struct fix f = {.kind = kind, .folder = kit_folder()};
		print_message("%s: %s\n", kind->name, scenarios[i].name);
		again(&f);
		assert_string_equal(f.s->ops->name, kind->name);
		scenarios[i].run(&f);
		store_free(f.s);
		kit_remove(f.folder);
	}
}

/* Faults come where they are planted, change nothing, and a clone does not have them. */
static void memory_faults(void **state)
{
	struct store *s = store_memory_new(), *copy;
	struct chain_end end = {0};

	(void)state;
	store_memory_fail(s, 2, RC_NO_SPACE);
	OK(kit_commit(s, &end, 1, &err));
	OK(kit_commit(s, &end, 1, &err));
	for (int i = 0; i < 3; i++)
		FAILS(RC_NO_SPACE, "planted", kit_commit(s, &end, 1, &err));
	FAILS(RC_NO_SPACE, "planted", store_defer(s, STR("1.0"), 1, 1, &err));
	copy = store_memory_clone(s);
	check_text(journal(copy, 0, 0), "1 2 ", "clone");
	struct chain_end other = end;
	OK(kit_commit(copy, &other, 1, &err));
	store_memory_fail(s, 0, RC_OK);
	check_text(journal(s, 0, 0), "1 2 ", "apart");
	OK(kit_commit(s, &end, 2, &err));
	store_free(s);
	check_text(journal(copy, 0, 0), "1 2 3 ", "outlives");
	store_free(copy);
}

int main(void)
{
	struct kind sqlite = kinds[0], memory = kinds[1];
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(all_scenarios, &memory),
		cmocka_unit_test_prestate(all_scenarios, &sqlite),
		cmocka_unit_test(memory_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
