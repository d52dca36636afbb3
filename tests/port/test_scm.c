/* One suite for every adapter of ports/scm.h, and what only real repositories can do. */
#include "clients/git.h"
#include "flow/1-source/adapters.h"
#include "port/checks.h"
#include "port/git_input.h"

#include <pthread.h>
#include <sys/stat.h>

#define MAIN   "refs/heads/main"
#define NOBODY "0123456789012345678901234567890123456789"
#define REPO   (bed.name)

static struct {
	bool fake;
	unsigned repos;
	char name[32];
	struct scm *scm;
} bed;

static void bed_repo(void)
{
	snprintf(bed.name, sizeof(bed.name), "repo%u", ++bed.repos);
	if (bed.fake) {
		scm_fake_add(bed.scm, bed.name);
		return;
	}
	AUTO(repo_freep) struct repo *r = NULL;
	AUTO(freep) char *path = xasprintf("%s/%s.git", input_dir, bed.name);
	OK(repo_init(path, false, &r, &err));
	OK(scm_local_add(bed.scm, bed.name, path, &err));
}

static struct repo *bed_open(void)
{
	struct repo *r = NULL;
	AUTO(freep) char *path = xasprintf("%s/%s.git", input_dir, bed.name);

	OK(repo_open(path, &r, &err));
	return r;
}

/* Commit files on a branch; the id lives as long as the test. */
static const char *bed_commit(const char *ref, const char *message, const struct fake_file *files,
			      size_t n)
{
	static char ids[64][GIT_HEX + 1];
	static unsigned next;
	char *id = ids[next++ % 64], tip[GIT_HEX + 1];

	if (bed.fake)
		return scm_fake_commit(
			bed.scm, REPO, ref,
			&(struct fake_commit){.message = message, .files = files, .n = n});
	AUTO(repo_freep) struct repo *r = bed_open();
	const struct repo_author ann = {"Ann", "ann@example.com", 1700000000};
	struct repo_edit edits[8];
	for (size_t i = 0; i < n; i++)
		edits[i] = (struct repo_edit){files[i].path, files[i].bytes, files[i].remove,
					      files[i].mode & 0100};
	bool there = repo_resolve(r, ref, tip, NULL) == RC_OK;
	OK(repo_write(r, ref, there ? tip : NULL, edits, n, message, &ann, id, &err));
	return id;
}

static const char *bed_file(const char *path, const char *text)
{
	return bed_commit(MAIN, "change", &(struct fake_file){path, str_of(text), 0, false}, 1);
}

static void bed_set(const char *ref, const char *commit)
{
	char tip[GIT_HEX + 1];

	if (bed.fake) {
		scm_fake_set(bed.scm, REPO, ref, commit);
		return;
	}
	AUTO(repo_freep) struct repo *r = bed_open();
	bool there = repo_resolve(r, ref, tip, NULL) == RC_OK;
	OK(repo_move(r, ref, there ? tip : NULL, commit, &err));
}

static bool note_ref(void *ctx, const char *ref, const char *commit)
{
	strbuf_addf(ctx, "%s=%s ", ref + strlen("refs/heads/"), commit);
	return true;
}

static void check_refs(const char *want)
{
	AUTO(strbuf_done) struct strbuf got = STRBUF(10000);

	OK(scm_refs(bed.scm, REPO, note_ref, &got, &err));
	assert_string_equal(strbuf_cstr(&got), want);
}

static void change_done(struct change *c)
{
	shape_done(&shape_change, c);
}

static struct change change_of(const char *commit, const char *base)
{
	return (struct change){
		.repo = xstrdup(REPO),
		.ref = xstrdup(MAIN),
		.commit = commit ? xstrdup(commit) : NULL,
		.base = base ? xstrdup(base) : NULL,
	};
}

/* ---- the suite ---- */
static void empty_repository(void **state)
{
	AUTO(change_done) struct change c = change_of(NOBODY, NULL);
	AUTO(strbuf_done) struct strbuf text = STRBUF(100);

	(void)state;
	bed_repo();
	check_refs("");
	FAILS(RC_NOT_FOUND, scm_change(bed.scm, REPO, &c, &err));
	FAILS(RC_NOT_FOUND, scm_file(bed.scm, REPO, NOBODY, "f", 10, &text, &err));
	FAILS(RC_NOT_FOUND, scm_refs(bed.scm, "unknown", note_ref, &text, &err));
}

static void branches(void **state)
{
	(void)state;
	bed_repo();
	const char *a = bed_file("f", "1");
	AUTO(freep) char *one = xasprintf("main=%s ", a);
	check_refs(one);
	const char *b = bed_file("f", "2");
	bed_set("refs/heads/dev/x", a);
	AUTO(freep) char *two = xasprintf("dev/x=%s main=%s ", a, b);
	check_refs(two);
	bed_set("refs/heads/dev/x", NULL);
	bed_set("refs/heads/dev", b);
	bed_set(MAIN, a); /* a force push */
	AUTO(freep) char *three = xasprintf("dev=%s main=%s ", b, a);
	check_refs(three);
}

static void changes(void **state)
{
	(void)state;
	bed_repo();
	const char *a = bed_file("f", "1");
	const char *b =
		bed_commit(MAIN, "Second \xc3\xa4\n\nbody\n\nPenstock-Reverts: rel-4\n", NULL, 0);
	bed_set(MAIN, a);
	const char *other = bed_file("f", "3");
	bed_set(MAIN, b);
	bed_set("refs/heads/other", other);
	const struct {
		const char *why, *commit, *base;
		bool keeps;
		enum rc want;
	} cases[] = {
		{"first push", b, NULL, false, RC_OK},
		{"after its parent", b, a, true, RC_OK},
		{"after a commit that was pushed over", b, other, false, RC_OK},
		{"after nobody", b, NOBODY, false, RC_OK},
		{"after nothing", b, "0000000000000000000000000000000000000000", false, RC_OK},
		{"after itself", b, b, false, RC_OK},
		{"no such commit", NOBODY, a, false, RC_NOT_FOUND},
		{"none", NULL, NULL, false, RC_INVALID},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(change_done) struct change c = change_of(cases[i].commit, cases[i].base);
		struct err err = {0};
		enum rc rc = scm_change(bed.scm, REPO, &c, &err);
		CHECK(rc == cases[i].want, cases[i].why);
		if (rc != RC_OK)
			continue;
		CHECK(streq(c.base, cases[i].keeps ? cases[i].base : NULL), cases[i].why);
		CHECK_STR(c.subject, "Second \xc3\xa4", cases[i].why);
		CHECK_STR(c.author, "Ann", cases[i].why);
		CHECK_STR(c.email, "ann@example.com", cases[i].why);
		CHECK_STR(c.reverts, "rel-4", cases[i].why);
	}
}

static void files_at_commits(void **state)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(100);

	(void)state;
	bed_repo();
	const char *a = bed_file("d/f", "one"), *b = bed_file("d/f", "two");
	OK(scm_file(bed.scm, REPO, a, "d/f", 3, &text, &err));
	OK(scm_file(bed.scm, REPO, b, "d/f", 3, &text, &err));
	assert_string_equal(strbuf_cstr(&text), "onetwo");
	OK(scm_file(bed.scm, REPO, MAIN, "d/f", 3, &text, &err));
	assert_string_equal(strbuf_cstr(&text), "onetwotwo");
	FAILS(RC_TOO_BIG, scm_file(bed.scm, REPO, b, "d/f", 2, &text, &err));
	FAILS(RC_NOT_FOUND, scm_file(bed.scm, REPO, b, "d", 100, &text, &err));
	FAILS(RC_NOT_FOUND, scm_file(bed.scm, REPO, b, "e", 100, &text, &err));
	FAILS(RC_NOT_FOUND, scm_file(bed.scm, REPO, NOBODY, "d/f", 100, &text, &err));
	bed_set(MAIN, a); /* what was read before stays there to be read */
	check_refs((strbuf_clear(&text), strbuf_addf(&text, "main=%s ", a), strbuf_cstr(&text)));
	strbuf_clear(&text);
	OK(scm_file(bed.scm, REPO, b, "d/f", 3, &text, &err));
}

static void names(const struct tree_facts *t, struct strbuf *to)
{
	for (size_t i = 0; i < t->entries.n; i++)
		strbuf_addf(to, "%s%s ", t->entries.v[i].path,
			    t->entries.v[i].mode == GIT_MODE_TREE ? "/" : "");
}

static void facts_done(struct tree_facts *t)
{
	tree_facts_done(t);
}

static void tree_facts(void **state)
{
	char *dirs[] = {".", "svc/a", "svc/a-b", "svc/b", "svc/none", "top"},
	     *list[] = {"lib", "svc/b/y", "none"};
	const texts ask_dirs = {dirs, ARRAY_LEN(dirs), 0}, ask_list = {list, ARRAY_LEN(list), 0},
		    nothing = {0};
	static const struct fake_file files[] = {
		{"svc/a/x", {"1", 1}, 0, false},     {"svc/a-b/x", {"1", 1}, 0, false},
		{"svc/b/x", {"2", 1}, 0, false},     {"svc/b/y/z", {"3", 1}, 0, false},
		{"lib/x", {"4", 1}, 0100755, false}, {"lib/d/y", {"5", 1}, 0, false},
		{"top", {"6", 1}, 0, false},
	};
	AUTO(facts_done) struct tree_facts a = {0}, b = {0}, none = {0};
	AUTO(strbuf_done) struct strbuf got = STRBUF(1000);

	(void)state;
	bed_repo();
	const char *first = bed_commit(MAIN, "first", files, ARRAY_LEN(files)),
		   *second = bed_file("svc/a/x", "changed");
	OK(scm_tree(bed.scm, REPO, first, &ask_dirs, &ask_list, &a, &err));
	OK(scm_tree(bed.scm, REPO, second, &ask_dirs, &ask_list, &b, &err));
	OK(scm_tree(bed.scm, REPO, second, &nothing, &nothing, &none, &err));
	names(&a, &got);
	assert_string_equal(strbuf_cstr(&got),
			    "./ lib/d/y lib/x svc/a/ svc/a-b/ svc/b/ svc/b/y/z top ");
	assert_string_equal(a.commit, first);
	assert_string_equal(b.tree, none.tree);
	assert_string_equal(b.tree, b.entries.v[0].oid);
	assert_int_equal(none.entries.n, 0);
	assert_int_equal(a.entries.n, b.entries.n);
	for (size_t i = 0; i < a.entries.n; i++) {
		bool differs = strcmp(a.entries.v[i].oid, b.entries.v[i].oid) != 0;
		bool wanted =
			streq(a.entries.v[i].path, ".") || streq(a.entries.v[i].path, "svc/a");
		CHECK(differs == wanted, a.entries.v[i].path);
		CHECK(strlen(a.entries.v[i].oid) == GIT_HEX, a.entries.v[i].path);
	}
	assert_string_equal(a.entries.v[3].oid,
			    a.entries.v[4].oid); /* equal folders have equal ids */
	assert_int_equal(a.entries.v[2].mode, 0100755);
	FAILS(RC_NOT_FOUND, scm_tree(bed.scm, REPO, NOBODY, &ask_dirs, &ask_list, &none, &err));
}

static void laying_out(void **state)
{
	char *paths[] = {"svc/a", "lib/x", "none"}, *dot[] = {"."};
	const texts some = {paths, 3, 0}, all = {dot, 1, 0};
	static const struct fake_file files[] = {{"svc/a/x", {"1", 1}, 0, false},
						 {"svc/a-b/x", {"1", 1}, 0, false},
						 {"lib/x", {"4", 1}, 0100755, false}};
	struct stat st;

	(void)state;
	bed_repo();
	const char *c = bed_commit(MAIN, "first", files, ARRAY_LEN(files));
	sh("rm -rf out && mkdir out");
	OK(scm_materialise(bed.scm, REPO, c, &some, "out", &err));
	assert_string_equal(sh("find out -type f | sort | tr '\\n' ' '"), "out/lib/x out/svc/a/x ");
	assert_int_equal(stat("out/lib/x", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	OK(scm_materialise(bed.scm, REPO, c, &all, "out", &err));
	assert_string_equal(sh("cat out/svc/a-b/x"), "1");
	sh("rm -rf out/svc elsewhere && mkdir elsewhere && ln -s ../elsewhere out/svc");
	FAILS(RC_CONFLICT, scm_materialise(bed.scm, REPO, c, &some, "out", &err));
	assert_string_equal(sh("ls elsewhere"), "");
	FAILS(RC_NOT_FOUND, scm_materialise(bed.scm, REPO, c, &some, "not-there", &err));
	FAILS(RC_NOT_FOUND, scm_materialise(bed.scm, REPO, NOBODY, &some, "out", &err));
}

static void check_text(const char *path, const char *want)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(1000);

	OK(scm_file(bed.scm, REPO, MAIN, path, 1000, &text, &err));
	assert_string_equal(strbuf_cstr(&text), want);
}

static void taking_back(void **state)
{
	static const char message[] = "Take rel-4 back\n\nIt failed.\n\nPenstock-Reverts: rel-4\n";
	AUTO(freep) char *made = NULL;
	AUTO(freep) char *again = NULL;
	AUTO(freep) char *other = NULL;

	(void)state;
	bed_repo();
	const char *base = bed_file("f", "good");
	bed_file("f", "bad");
	const char *bad =
		bed_commit(MAIN, "more", &(struct fake_file){"added", STR("x"), 0, false}, 1);
	const char *later = bed_file("g", "somebody's");
	AUTO(strbuf_done) struct strbuf refs = STRBUF(1000);
	AUTO(change_done) struct change c = change_of(bad, base);
	AUTO(change_done) struct change first = change_of(bad, NULL);

	FAILS(RC_INVALID, scm_revert(bed.scm, REPO, &first, message, &made, &err));
	OK(scm_revert(bed.scm, REPO, &c, message, &made, &err));
	strbuf_addf(&refs, "main=%s ", made);
	check_refs(strbuf_cstr(&refs));
	check_text("f", "good");
	check_text("g", "somebody's");
	FAILS(RC_NOT_FOUND, scm_file(bed.scm, REPO, MAIN, "added", 10, &refs, &err));
	AUTO(change_done) struct change mine = change_of(made, later);
	OK(scm_change(bed.scm, REPO, &mine, &err));
	assert_string_equal(mine.reverts, "rel-4");
	assert_string_equal(mine.email, "penstock@localhost");
	bed_file("g", "more of somebody's");
	OK(scm_revert(bed.scm, REPO, &c, message, &again, &err)); /* its own, found again */
	assert_string_equal(again, made);

	bed_file("f",
		 "bad"); /* a person brings it back: the same release is not taken back twice */
	OK(scm_revert(bed.scm, REPO, &c, "No trailer", &other, &err));
	assert_string_not_equal(other, made);
	check_text("f", "good");
}

static void taking_back_in_vain(void **state)
{
	AUTO(freep) char *made = NULL;

	(void)state;
	bed_repo();
	const char *base = bed_file("f", "good"), *bad = bed_file("f", "bad");
	bed_set("refs/heads/keep", bad);
	AUTO(change_done) struct change c = change_of(bad, base);
	bed_file("f", "third");
	FAILS(RC_CONFLICT, scm_revert(bed.scm, REPO, &c, "m", &made, &err));
	const char *back = bed_file("f", "good"); /* a person was faster */
	OK(scm_revert(bed.scm, REPO, &c, "m", &made, &err));
	assert_string_equal(made, back);
	xfree(made);
	made = NULL;
	bed_set(MAIN, base); /* pushed over */
	FAILS(RC_CONFLICT, scm_revert(bed.scm, REPO, &c, "m", &made, &err));
	bed_set(MAIN, NULL);
	FAILS(RC_CONFLICT, scm_revert(bed.scm, REPO, &c, "m", &made, &err));
	assert_null(made);
}

/* ---- the merge queue ---- */
#define TRIAL "refs/penstock/queue/main"

struct merging {
	texts heads, conflicts;
	pairs names;
	char *made;
};

static void merging_done(struct merging *m)
{
	vec_each(head, &m->heads)
		xfree(*head);
	vec_each(one, &m->conflicts)
		xfree(*one);
	vec_each(p, &m->names) {
		xfree(p->key);
		xfree(p->value);
	}
	vec_done(&m->heads);
	vec_done(&m->conflicts);
	vec_done(&m->names);
	xfree(m->made);
}

static void add_head(struct merging *m, const char *commit, const char *ref, const char *number)
{
	vec_push(&m->heads, xstrdup(commit));
	vec_push(&m->names, ((struct pair){xstrdup(ref), xstrdup(number)}));
}

static void merge(struct merging *m, const char *tip)
{
	const struct scm_merge what = {.target = MAIN,
				       .tip = tip,
				       .ref = TRIAL,
				       .id = "shop:refs/heads/main",
				       .heads = &m->heads,
				       .names = &m->names};

	OK(scm_merge(bed.scm, REPO, &what, &m->made, &m->conflicts, &err));
}

/* A branch from a commit, with one file. */
static const char *bed_branch(const char *ref, const char *from, const char *path, const char *text)
{
	bed_set(ref, from);
	return bed_commit(ref, "change", &(struct fake_file){path, str_of(text), 0, false}, 1);
}

static void check_at(const char *commit, const char *path, const char *want)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(1000);

	OK(scm_file(bed.scm, REPO, commit, path, 1000, &text, &err));
	assert_string_equal(strbuf_cstr(&text), want);
}

static void merges(void **state)
{
	AUTO(merging_done) struct merging m = {0}, again = {0}, old = {0};

	(void)state;
	bed_repo();
	const char *base = bed_file("f", "1\n");
	const char *a = bed_branch("refs/heads/a", base, "a", "of a");
	const char *b = bed_branch("refs/heads/b", base, "f", "2\n");
	const char *c = bed_branch("refs/heads/c", base, "f", "3\n"); /* as b, otherwise */
	const char *d = bed_branch("refs/heads/d", base, "d", "of d");
	const char *tip = bed_file("g", "somebody's");

	add_head(&m, a, "refs/heads/a", "17");
	add_head(&m, b, "refs/heads/b", "");
	add_head(&m, c, "refs/heads/c", "");
	add_head(&m, d, "refs/heads/d", "");
	merge(&m, tip);
	assert_int_equal(m.conflicts.n, 1);
	assert_string_equal(m.conflicts.v[0], c);
	check_at(m.made, "a", "of a");
	check_at(m.made, "f", "2\n");
	check_at(m.made, "d", "of d");
	check_at(m.made, "g", "somebody's");
	AUTO(change_done) struct change made = change_of(m.made, tip);
	OK(scm_change(bed.scm, REPO, &made, &err));
	assert_string_equal(made.base, tip); /* it comes after the tip */
	assert_string_equal(made.author, "Ann");
	assert_string_equal(made.subject, "Merge d into main");
	AUTO(strbuf_done) struct strbuf refs = STRBUF(1000);
	strbuf_addf(&refs, "a=%s b=%s c=%s d=%s main=%s ", a, b, c, d, tip);
	check_refs(strbuf_cstr(&refs)); /* no branch moved */

	add_head(&again, a, "refs/heads/a", "17");
	add_head(&again, b, "refs/heads/b", "");
	add_head(&again, c, "refs/heads/c", "");
	add_head(&again, d, "refs/heads/d", "");
	merge(&again, tip);
	assert_string_equal(again.made, m.made); /* done twice is done once */

	add_head(&old, base, "refs/heads/old", "");
	merge(&old, tip);
	assert_string_equal(old.made, tip); /* nothing was to be merged */
	assert_int_equal(old.conflicts.n, 0);

	const struct scm_merge bad = {
		.target = MAIN, .tip = NOBODY, .ref = TRIAL, .id = "x", .heads = &old.heads};
	FAILS(RC_NOT_FOUND, scm_merge(bed.scm, REPO, &bad, &old.made, &old.conflicts, &err));
}

static struct change landing(const char *base, const char *commit)
{
	struct change c = change_of(commit, base);

	xfree(c.ref);
	c.ref = xstrdup(TRIAL);
	c.target = xstrdup(MAIN);
	return c;
}

static void lands(void **state)
{
	AUTO(merging_done) struct merging m = {0}, late = {0};

	(void)state;
	bed_repo();
	const char *base = bed_file("f", "1\n");
	const char *a = bed_branch("refs/heads/a", base, "a", "of a");
	add_head(&m, a, "refs/heads/a", "");
	merge(&m, base);
	AUTO(change_done) struct change c = landing(base, m.made);
	OK(scm_land(bed.scm, REPO, &c, &err));
	AUTO(strbuf_done) struct strbuf refs = STRBUF(1000);
	strbuf_addf(&refs, "a=%s main=%s ", a, m.made);
	check_refs(strbuf_cstr(&refs));
	OK(scm_land(bed.scm, REPO, &c, &err)); /* once more */
	const char *tip = bed_file("g", "somebody's");
	OK(scm_land(bed.scm, REPO, &c, &err)); /* and after others */
	check_at(tip, "a", "of a");
	check_at(tip, "g", "somebody's");

	const char *b = bed_branch("refs/heads/b", tip, "b", "of b");
	add_head(&late, b, "refs/heads/b", "");
	merge(&late, tip);
	const char *faster = bed_file("h", "faster");
	AUTO(change_done) struct change d = landing(tip, late.made);
	FAILS(RC_CONFLICT, scm_land(bed.scm, REPO, &d, &err));
	strbuf_clear(&refs);
	strbuf_addf(&refs, "a=%s b=%s main=%s ", a, b, faster);
	check_refs(strbuf_cstr(&refs));
	bed_set(MAIN, NULL);
	FAILS(RC_CONFLICT, scm_land(bed.scm, REPO, &d, &err));
}

/* ---- only the fake ---- */
static bool note_commit(void *ctx, const struct scm_commit *c)
{
	strbuf_addf(ctx, "%s by %s ", c->subject, c->author);
	return true;
}

static bool note_first(void *ctx, const struct scm_commit *c)
{
	(void)note_commit(ctx, c);
	return false;
}

static void check_log(const char *tip, const char *stop, const char *want)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(1000);

	OK(scm_log(bed.scm, REPO, tip, stop, note_commit, &text, &err));
	CHECK_STR(strbuf_cstr(&text), want, want);
}

static const char *bed_change(const char *ref, const char *path, const char *message)
{
	return bed_commit(ref, message, &(struct fake_file){path, str_of(message), 0, false}, 1);
}

static void histories(void **state)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(1000);

	(void)state;
	bed_repo();
	const char *a = bed_change(MAIN, "f", "one\n\nwith a body");
	const char *b = bed_change(MAIN, "f", "two");
	bed_set("refs/heads/topic", b);
	const char *c = bed_change(MAIN, "f", "three");
	const char *t = bed_change("refs/heads/topic", "g", "aside");
	check_log(c, NULL, "three by Ann two by Ann one by Ann ");
	check_log(c, a, "three by Ann two by Ann ");
	check_log(c, c, "");
	check_log(a, c, "");
	check_log(c, t, "three by Ann ");
	check_log(t, c, "aside by Ann ");
	OK(scm_log(bed.scm, REPO, c, NULL, note_first, &text, &err));
	CHECK_STR(strbuf_cstr(&text), "three by Ann ", "stopped");
	FAILS(RC_NOT_FOUND, scm_log(bed.scm, REPO, NOBODY, NULL, note_commit, &text, &err));
	FAILS(RC_NOT_FOUND, scm_log(bed.scm, REPO, c, NOBODY, note_commit, &text, &err));
}

static void failing(void **state)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(100);

	(void)state;
	bed_repo();
	bed_file("f", "1");
	scm_fake_fail(bed.scm, 1, 2, RC_UNAVAILABLE);
	OK(scm_file(bed.scm, REPO, MAIN, "f", 1, &text, &err));
	FAILS(RC_UNAVAILABLE, scm_file(bed.scm, REPO, MAIN, "f", 1, &text, &err));
	FAILS(RC_UNAVAILABLE, scm_refs(bed.scm, REPO, note_ref, &text, &err));
	OK(scm_file(bed.scm, REPO, MAIN, "f", 1, &text, &err));
	const char *a = bed_file("f", "2");
	bed_repo();
	bed_file("f", "1");
	assert_string_equal(bed_file("f", "2"), a); /* equal histories */
}

/* ---- only real repositories ---- */
static void real_names(void **state)
{
	static const char *const bad[] = {"", ".", "..", ".git", "a/b", "-x", "a b", "\xc3\xa4"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		FAILS(RC_INVALID, scm_local_add(bed.scm, bad[i], "/x", &err));
	OK(scm_local_add(bed.scm, "gone", "/no/such/repo.git", &err));
	AUTO(strbuf_done) struct strbuf text = STRBUF(100);
	FAILS(RC_NOT_FOUND, scm_refs(bed.scm, "gone", note_ref, &text, &err));
	FAILS(RC_NOT_FOUND, scm_file(bed.scm, "gone", "main", "f", 10, &text, &err));
}

static void real_hostile(void **state)
{
	char *dot[] = {"."};
	const texts all = {dot, 1, 0};
	AUTO(facts_done) struct tree_facts t = {0};
	struct err why = {0};

	(void)state;
	make_repo("hostile");
	AUTO(freep) char *path = xasprintf("%s/hostile.git", input_dir);
	OK(scm_local_add(bed.scm, "hostile", path, &err));
	sh("cd hostile && ln -s ../../etc/passwd l && mkdir d && git update-index --add --cacheinfo 160000,%s,d/sub",
	   NOBODY);
	push_file("hostile", "f", "1");
	sh("rm -rf out && mkdir out");
	OK(scm_tree(bed.scm, "hostile", "main", &all, &all, &t, &err));
	assert_int_equal(t.entries.n, 3); /* ".", the file and the link; not the submodule */
	assert_int_equal(scm_materialise(bed.scm, "hostile", "main", &all, "out", &why),
			 RC_INVALID);
	assert_non_null(strstr(why.msg, "the link l leads out of the repository"));
	sh("cd hostile && git rm -q --cached l && git mv f g && git commit -qam x && git push -q origin HEAD && rm -rf ../out && mkdir ../out");
	AUTO(strbuf_done) struct strbuf refs = STRBUF(1000);
	OK(scm_refs(bed.scm, "hostile", note_ref, &refs, &err));
	OK(scm_materialise(bed.scm, "hostile", "main", &all, "out", &err));
	assert_string_equal(sh("find out -mindepth 1 -printf '%%P '"), "g ");
}

/* A commit that nobody fetched yet, a mirror that is new, and no mirror at all. */
static void real_mirrors(void **state)
{
	struct scm *fresh = NULL, *direct = NULL;
	AUTO(strbuf_done) struct strbuf text = STRBUF(100);

	(void)state;
	bed_repo();
	const char *a = bed_file("f", "1");
	AUTO(freep) char *path = xasprintf("%s/%s.git", input_dir, REPO);
	AUTO(freep) char *dir = xasprintf("%s/deep/mirror", input_dir);
	OK(scm_local_new(dir, &fresh, &err));
	OK(scm_local_add(fresh, REPO, path, &err));
	OK(scm_file(fresh, REPO, a, "f", 10, &text, &err));
	const char *b = bed_file("f", "2");
	OK(scm_file(fresh, REPO, b, "f", 10, &text, &err));
	OK(scm_local_new(NULL, &direct, &err));
	OK(scm_local_add(direct, REPO, path, &err));
	OK(scm_file(direct, REPO, "main~1", "f", 10, &text, &err));
	assert_string_equal(strbuf_cstr(&text), "121");
	sh("rm -rf %s.git", REPO);
	OK(scm_file(fresh, REPO, a, "f", 10, &text, &err));
	FAILS(RC_NOT_FOUND, scm_refs(fresh, REPO, note_ref, &text, &err));
	scm_free(fresh);
	scm_free(direct);
}

#define THREADS 4

static void *read_often(void *ctx)
{
	char *dot[] = {"."};
	const texts all = {dot, 1, 0};
	struct err err = {0};
	bool fine = true;

	for (int i = 0; i < 25 && fine; i++) {
		struct tree_facts t = {0};
		struct change c = change_of(MAIN, NULL);
		fine = scm_change(bed.scm, REPO, &c, &err) == RC_OK && err.rc == RC_OK &&
		       scm_tree(bed.scm, REPO, c.commit, &all, &all, &t, &err) == RC_OK &&
		       err.rc == RC_OK; /* waiting for the others is no failure */
		tree_facts_done(&t);
		change_done(&c);
	}
	if (!fine)
		print_message("# %s\n", err.msg);
	return fine ? NULL : ctx;
}

/* Several lanes on one repository while it is pushed to. */
static void real_threads(void **state)
{
	pthread_t threads[THREADS];
	bool fine = true;

	(void)state;
	bed_repo();
	bed_file("f", "0");
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_often, &bed), 0);
	for (int i = 0; i < 25; i++)
		bed_file("f", i % 2 ? "1" : "2");
	for (size_t i = 0; i < THREADS; i++) {
		void *ret = NULL;
		pthread_join(threads[i], &ret);
		fine &= !ret;
	}
	assert_true(fine);
	sh("git -C mirror/%s.git fsck --full --strict", REPO);
}

static int begin_local(void **state)
{
	AUTO(freep) char *dir = NULL;

	input_begin(state);
	dir = xasprintf("%s/mirror", input_dir);
	bed.fake = false;
	OK(scm_local_new(dir, &bed.scm, &err));
	return 0;
}

static int begin_fake(void **state)
{
	input_begin(state);
	bed.fake = true;
	OK(scm_fake_new(&bed.scm, &err));
	return 0;
}

static int end(void **state)
{
	scm_free(bed.scm);
	return input_end(state);
}

#define SUITE                                                                                      \
	cmocka_unit_test(empty_repository), cmocka_unit_test(branches), cmocka_unit_test(changes), \
		cmocka_unit_test(files_at_commits), cmocka_unit_test(tree_facts),                  \
		cmocka_unit_test(laying_out), cmocka_unit_test(taking_back),                       \
		cmocka_unit_test(taking_back_in_vain), cmocka_unit_test(merges),                   \
		cmocka_unit_test(lands), cmocka_unit_test(histories)

int main(void)
{
	const struct CMUnitTest local[] = {
		SUITE, cmocka_unit_test(real_names), cmocka_unit_test(real_hostile),
		cmocka_unit_test(real_mirrors), cmocka_unit_test(real_threads)};
	const struct CMUnitTest fake[] = {SUITE, cmocka_unit_test(failing)};

	return cmocka_run_group_tests_name("local", local, begin_local, end) +
	       cmocka_run_group_tests_name("fake", fake, begin_fake, end);
}
