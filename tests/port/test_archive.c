/* Records that leave a store for archives, on every store, with a process that ends between any two steps. */
#include "port/store_kit.h"

#include "clients/lines.h"
#include "clients/zst.h"
#include "store/archive.h"

#define T0      ((usec_t)1700000000000000) /* record n has the time T0 + n */
#define RECORDS 5000
#define KEEP    ((usec_t)1000)

struct fix {
	char *folder, *dir;
	struct store *s;
	struct chain_end end;
};

static struct store *open_store(const char *folder, bool memory)
{
	AUTO(freep) char *path = xasprintf("%s/journal.db", folder);
	struct store *s = NULL;

	if (memory)
		return store_memory_new();
	OK(store_sqlite_open(path, &s, &err));
	return s;
}

static void fix_begin(struct fix *f, bool memory)
{
	char name[] = "/tmp/test_archive_XXXXXX";

	assert_non_null(mkdtemp(name));
	*f = (struct fix){.folder = xstrdup(name), .dir = xasprintf("%s/archive", name)};
	f->s = open_store(f->folder, memory);
	for (unsigned i = 0; i < RECORDS / 1000; i++)
		OK(kit_commit(f->s, &f->end, 1000, &err));
}

static void fix_end(struct fix *f)
{
	store_free(f->s);
	OK(tree_remove(f->folder, &err));
	free(f->folder);
	free(f->dir);
}

static void on_both(void (*fn)(struct fix *f))
{
	for (unsigned memory = 0; memory < 2; memory++) {
		struct fix f;

		fix_begin(&f, memory);
		fn(&f);
		fix_end(&f);
	}
}

static uint64_t anchor_of(struct store *s)
{
	struct record anchor = {0};

	OK(store_anchor(s, &anchor, &err));
	return anchor.seq;
}

static struct archiver fresh(const struct fix *f)
{
	return (struct archiver){.store = f->s, .dir = f->dir, .keep = KEEP};
}

/* Until there is no more to do; how many steps it took. */
static unsigned run(struct archiver *a, usec_t now)
{
	bool more = true;
	unsigned n = 0;

	for (; more; n++)
		OK(archive_turn(a, now, &more, &err));
	return n;
}

static char *only_archive(const struct fix *f, uint64_t from, uint64_t to)
{
	AUTO(archives_done) struct archives have = {0};
	struct store_report r = {0};

	OK(archives_list(f->dir, &have, &err));
	assert_int_equal(have.list.n, 1);
	assert_true(have.list.v[0].from == from && have.list.v[0].to == to);
	OK(archive_verify(&have.list.v[0], &r, &err));
	assert_true(r.records == to - from + 1 && r.ended);
	return xstrdup(have.list.v[0].path);
}

static void old_ones_leave(struct fix *f)
{
	struct archiver a = fresh(f);
	struct store_report r = {0};

	assert_int_equal(run(&a, T0 + 900), 1);  /* nothing is old */
	assert_int_equal(run(&a, T0 + 1050), 1); /* not by a tenth */
	assert_false(file_exists(f->dir));
	assert_int_equal(run(&a, T0 + 5301),
			 5); /* older than 4301: one archive, three times trimmed, nothing more */
	assert_int_equal(anchor_of(f->s), 4300);
	assert_true(a.archived == 4300 && a.archived_at == T0 + 4300);
	AUTO(freep) char *path = only_archive(f, 1, 4300);
	OK(store_verify(f->s, NULL, NULL, &r, &err));
	assert_true(r.from == 4301 && r.to == RECORDS);
	assert_int_equal(run(&a, T0 + 9000000), 3);
	assert_int_equal(anchor_of(f->s), RECORDS - 1); /* the last one stays */
	OK(kit_commit(f->s, &f->end, 10, &err));
	assert_int_equal(run(&a, T0 + 5012), 1);
}

/* A new process after each step comes to the same end. */
static void a_process_may_end_anywhere(struct fix *f)
{
	bool more = true;
	unsigned n = 0;

	while (more) {
		struct archiver a = fresh(f);
		AUTO(freep) char *part = xasprintf("%s/journal.part", f->dir);

		if (file_exists(f->dir)) /* half of one more */
			OK(file_write(part, STR("\x28\xb5\x2f\xfdhalf"), 0600, &err));
		OK(archive_turn(&a, T0 + 5301, &more, &err));
		assert_false(file_exists(part));
		n++;
	}
	assert_int_equal(n, 5);
	assert_int_equal(anchor_of(f->s), 4300);
	AUTO(freep) char *path = only_archive(f, 1, 4300);
}

/* Nothing leaves for an archive that is not whole, or not ours. */
static void a_bad_archive_takes_nothing(struct fix *f)
{
	AUTO(strbuf_done) struct strbuf bytes = STRBUF(1 << 22);
	struct archiver a = fresh(f);
	bool more = false;

	OK(archive_turn(&a, T0 + 5301, &more, &err));
	assert_true(more);
	AUTO(freep) char *path = only_archive(f, 1, 4300);
	OK(file_read(path, 1 << 22, &bytes, &err));
	a = fresh(f);
	struct str half = {bytes.p, bytes.n / 2};
	OK(file_write(path, half, 0600, &err));
	FAILS(RC_CORRUPT, "", archive_turn(&a, T0 + 5301, &more, &err));
	assert_int_equal(anchor_of(f->s), 0);
	/* another journal's */
	struct fix other;
	fix_begin(&other, true);
	struct chain_end end = {0};
	store_free(other.s);
	other.s = store_memory_new();
	struct record r = {.seq = 1, .time = T0, .actor = STR("x"), .payload = STR("{}")};
	struct store_batch b = {.records = &r, .n_records = 1};
	r.hash = chain_hash(&r);
	OK(store_commit(other.s, &b, &err));
	end = (struct chain_end){r.hash, 1};
	for (unsigned i = 0; i < 5; i++)
		OK(kit_commit(other.s, &end, 1000, &err));
	struct archiver theirs = fresh(&other);
	OK(archive_turn(&theirs, T0 + 5301, &more, &err));
	AUTO(archives_done) struct archives have = {0};
	OK(archives_list(other.dir, &have, &err));
	strbuf_clear(&bytes);
	OK(file_read(have.list.v[0].path, 1 << 22, &bytes, &err));
	OK(tree_remove(path, &err));
	AUTO(freep) char *name = xasprintf("%s%s", f->dir, strrchr(have.list.v[0].path, '/'));
	OK(file_write(name, strbuf_str(&bytes), 0600, &err));
	a = fresh(f);
	FAILS(RC_CORRUPT, "not of this journal", archive_turn(&a, T0 + 5301, &more, &err));
	assert_int_equal(anchor_of(f->s), 0);
	fix_end(&other);
}

static bool count(void *ctx, const struct record *r)
{
	uint64_t *n = ctx;

	return r->seq == ++*n;
}

static void archives_are_found_and_read(struct fix *f)
{
	AUTO(archives_done) struct archives have = {0};
	struct archiver a = fresh(f);
	uint64_t n = 0;

	(void)run(&a, T0 + 3301);
	(void)run(&a, T0 + 5301);
	AUTO(freep) char *odd = xasprintf("%s/journal-5-x.ndjson.zst", f->dir);
	OK(file_write(odd, STR(""), 0600, &err));
	OK(archives_list(f->dir, &have, &err));
	assert_int_equal(have.list.n, 2);
	assert_true(have.list.v[0].to == 2300 && have.list.v[1].from == 2301);
	assert_ptr_equal(archives_find(&have, 2301), &have.list.v[1]);
	assert_null(archives_find(&have, 4301));
	for (size_t i = 0; i < 2; i++)
		OK(archive_walk(&have.list.v[i], count, &n, &err));
	assert_int_equal(n, 4300);
}

#define CASE(name)                            \
	static void both_##name(void **state) \
	{                                     \
		(void)state;                  \
		on_both(name);                \
	}
CASE(old_ones_leave)
CASE(a_process_may_end_anywhere)
CASE(a_bad_archive_takes_nothing)
CASE(archives_are_found_and_read)

/* ---- lines that were packed ---- */

static char *packed_file(const char *folder, struct str bytes)
{
	AUTO(zst_writer_freep) struct zst_writer *w = NULL;
	char *path = xasprintf("%s/x.zst", folder);

	OK(tree_remove(path, &err));
	OK(zst_create(path, &w, &err));
	OK(zst_add(w, bytes, &err));
	OK(zst_finish(w, &err));
	return path;
}

static uint64_t count_lines(const char *path, enum rc *ret_rc)
{
	AUTO(lines_done) struct lines l = {.fd = -1};
	struct err err = {0};
	struct str line;
	uint64_t n = 0;
	bool any = true;

	*ret_rc = lines_open(&l, path, 1 << 20, &err);
	while (*ret_rc == RC_OK && any) {
		*ret_rc = lines_next(&l, &line, &any, &err);
		n += *ret_rc == RC_OK && any;
	}
	return n;
}

static void packed_lines_are_read(void **state)
{
	char folder[] = "/tmp/test_lines_XXXXXX";
	AUTO(strbuf_done) struct strbuf text = STRBUF(1 << 24), bytes = STRBUF(1 << 24);
	enum rc rc;

	(void)state;
	assert_non_null(mkdtemp(folder));
	for (unsigned i = 0; i < 300000; i++)
		strbuf_addf(&text, "line %u of many\n", i);
	AUTO(freep) char *path = packed_file(folder, strbuf_str(&text));
	assert_int_equal(count_lines(path, &rc), 300000);
	assert_int_equal(rc, RC_OK);
	OK(file_read(path, 1 << 24, &bytes, &err));
	size_t one = bytes.n;
	AUTO(freep) char *copy = xmalloc(one);
	memcpy(copy, bytes.p, one);
	strbuf_add(&bytes, copy, one); /* two frames, one after the other */
	OK(file_write(path, strbuf_str(&bytes), 0600, &err));
	assert_int_equal(count_lines(path, &rc), 600000);
	assert_int_equal(rc, RC_OK);
	static const size_t cuts[] = {5, 1000, 1};
	for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
		struct str cut = {bytes.p, i == 2 ? one - 1 : cuts[i]};

		OK(file_write(path, cut, 0600, &err));
		(void)count_lines(path, &rc);
		assert_int_equal(rc, RC_CORRUPT);
	}
	bytes.p[one / 2] = (char)(bytes.p[one / 2] ^ 1);
	OK(file_write(path, (struct str){bytes.p, one}, 0600, &err));
	(void)count_lines(path, &rc);
	assert_int_equal(rc, RC_CORRUPT);
	OK(file_write(path, STR("a\nb"), 0600, &err));
	assert_int_equal(count_lines(path, &rc), 2);
	OK(file_write(path, STR(""), 0600, &err));
	assert_int_equal(count_lines(path, &rc), 0);
	assert_int_equal(rc, RC_OK);
	OK(tree_remove(folder, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_old_ones_leave),
		cmocka_unit_test(both_a_process_may_end_anywhere),
		cmocka_unit_test(both_a_bad_archive_takes_nothing),
		cmocka_unit_test(both_archives_are_found_and_read),
		cmocka_unit_test(packed_lines_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
