#include "clients/git.h"
#include "clients/lay.h"
#include "port/checks.h"
#include "port/git_input.h"

#include <sys/stat.h>

static const struct repo_author ann = {"Ann", "ann@example.com", 1700000000};

static void opening(void **state)
{
	AUTO(repo_freep) struct repo *r = NULL;
	AUTO(repo_freep) struct repo *again = NULL;
	AUTO(strbuf_done) struct strbuf hooks = STRBUF(1000);
	char id[GIT_HEX + 1];

	(void)state;
	sh("mkdir plain");
	FAILS(RC_NOT_FOUND, repo_open("nothing.git", &r, &err));
	FAILS(RC_NOT_FOUND, repo_open("plain", &r, &err));
	assert_null(r);
	OK(repo_init("deep/new.git", true, &r, &err));
	OK(repo_init("deep/new.git", true, &again, &err));
	assert_string_equal(sh("git -C deep/new.git config core.fsyncObjectFiles"), "true");
	assert_string_equal(sh("git -C deep/new.git symbolic-ref HEAD"), "refs/heads/main");
	FAILS(RC_NOT_FOUND, repo_resolve(r, "main", id, &err));
	FAILS(RC_NOT_FOUND, repo_resolve(r, "HEAD", id, &err));
	FAILS(RC_NOT_FOUND, repo_resolve(r, "no such ^^ thing", id, &err));
	FAILS(RC_NOT_FOUND, repo_resolve(r, "0123456789012345678901234567890123456789", id, &err));
	OK(repo_hooks(r, &hooks, &err));
	assert_true(str_ends(strbuf_str(&hooks), "deep/new.git/hooks"));
	sh("git -C deep/new.git config core.hooksPath /elsewhere");
	repo_free(again);
	again = NULL;
	OK(repo_open("deep/new.git", &again, &err));
	FAILS(RC_UNSUPPORTED, repo_hooks(again, &hooks, &err));
}

static void write_files(struct repo *r, const char *ref, const char *expected, const char *path,
			const char *text, char ret[GIT_HEX + 1])
{
	const struct repo_edit edit = {.path = path, .bytes = str_of(text)};

	OK(repo_write(r, ref, expected, &edit, 1, "edit\n", &ann, ret, &err));
}

static void writing(void **state)
{
	AUTO(repo_freep) struct repo *r = NULL;
	AUTO(repo_commit_done) struct repo_commit c = {0};
	AUTO(strbuf_done) struct strbuf text = STRBUF(100);
	char a[GIT_HEX + 1], b[GIT_HEX + 1], again[GIT_HEX + 1];
	const struct repo_edit edit = {.path = "x/y", .bytes = STR("other\n")};
	const struct repo_edit remove = {.path = "x/y", .remove = true};
	const struct repo_edit hostile = {.path = "x/../../y", .bytes = STR("other\n")};
	const struct repo_edit dotgit = {.path = ".git/config", .bytes = STR("other\n")};

	(void)state;
	OK(repo_init("write.git", false, &r, &err));
	write_files(r, "refs/heads/main", NULL, "x/y", "one\n", a);
	write_files(r, "refs/heads/main", a, "x/z", "two\n", b);
	assert_string_equal(sh("git -C write.git rev-parse main"), b);
	assert_string_equal(sh("git -C write.git cat-file -p main:x/y"), "one");
	assert_string_equal(sh("git -C write.git log -1 --format=%%an,%%ae,%%ct"),
			    "Ann,ann@example.com,1700000000");
	FAILS(RC_CONFLICT, repo_write(r, "refs/heads/main", a, &edit, 1, "m", &ann, again, &err));
	FAILS(RC_CONFLICT,
	      repo_write(r, "refs/heads/main", NULL, &edit, 1, "m", &ann, again, &err));
	FAILS(RC_CONFLICT, repo_write(r, "refs/heads/gone", a, &edit, 1, "m", &ann, again, &err));
	assert_string_equal(sh("git -C write.git rev-parse main"), b);
	assert_int_not_equal(
		repo_write(r, "refs/heads/main", b, &hostile, 1, "m", &ann, again, NULL), RC_OK);
	assert_int_not_equal(
		repo_write(r, "refs/heads/main", b, &dotgit, 1, "m", &ann, again, NULL), RC_OK);
	OK(repo_write(r, "refs/heads/main", b, &remove, 1,
		      "Subject\n\nBody: no\n\nPenstock-Reverts: rel-4\n", &ann, again, &err));
	FAILS(RC_NOT_FOUND, repo_file(r, "main", "x/y", 10, &text, &err));
	OK(repo_commit(r, "main", &c, &err));
	assert_string_equal(c.subject, "Subject");
	assert_string_equal(c.parent, b);
	assert_string_equal(c.id, again);
	OK(repo_move(r, "refs/heads/side", NULL, a, &err));
	FAILS(RC_CONFLICT, repo_move(r, "refs/heads/side", b, again, &err));
	FAILS(RC_CONFLICT, repo_move(r, "refs/heads/side", b, NULL, &err));
	OK(repo_move(r, "refs/heads/side", a, b, &err));
	OK(repo_move(r, "refs/heads/side", b, NULL, &err));
	assert_string_equal(sh("git -C write.git for-each-ref | wc -l"), "1");
	sh("git -C write.git fsck --strict --full");
}

static void trailers(void **state)
{
	static const struct {
		const char *why, *message, *want;
	} cases[] = {
		{"last paragraph", "s\n\nPenstock-Reverts: rel-4\n", "rel-4"},
		{"any case", "s\n\npenstock-reverts: rel-4\n", "rel-4"},
		{"among others", "s\n\ntext\n\nReviewed-by: Bob\nPenstock-Reverts: rel-4\nX: y",
		 "rel-4"},
		{"only in the body", "s\n\nPenstock-Reverts: rel-4\n\nmore text\n", NULL},
		{"the subject is none", "Penstock-Reverts: rel-4", NULL},
		{"none", "s\n\nbody\n", NULL},
		{"nothing at all", "", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(freep) char *got = repo_trailer(cases[i].message, "Penstock-Reverts");
		CHECK(streq(got, cases[i].want), cases[i].why);
	}
}

struct seen {
	struct strbuf text;
	size_t n;
};

static enum rc note_entry(void *ctx, const struct repo_entry *e, struct err *err)
{
	struct seen *s = ctx;

	(void)err;
	strbuf_addf(&s->text, "%06o %s %s%c", e->mode, e->oid, e->path, '\0');
	s->n++;
	return RC_OK;
}

static bool note_ref(void *ctx, const char *ref, const char *commit)
{
	strbuf_addf(ctx, "%s %s\n", commit, ref);
	return true;
}

static void history(void **state)
{
	AUTO(repo_freep) struct repo *r = NULL;
	AUTO(strbuf_done) struct strbuf refs = STRBUF(10000), want = STRBUF(10000);
	bool yes = false;

	(void)state;
	make_repo("hist");
	const char *a = push_file("hist", "f", "1"), *b = push_file("hist", "f", "2");
	sh("cd hist && git checkout -qb feature/x %s", a);
	const char *c = push_file("hist", "g", "3");
	sh("git -C hist.git pack-refs --all");
	push_file("hist", "g", "4");
	sh("git -C hist.git tag v1 %s && git -C hist.git update-ref refs/heads/blob $(git -C hist.git rev-parse %s:g) || true",
	   b, c);
	OK(repo_open("hist.git", &r, &err));
	const struct {
		const char *why, *base, *commit;
		bool want;
	} cases[] = {
		{"parent", a, b, true},
		{"itself", b, b, true},
		{"child", b, a, false},
		{"cousin", b, c, false},
		{"nobody", "0123456789012345678901234567890123456789", b, false},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		OK(repo_is_ancestor(r, cases[i].base, cases[i].commit, &yes, &err));
		CHECK(yes == cases[i].want, cases[i].why);
	}
	OK(repo_refs(r, "refs/heads/", note_ref, &refs, &err));
	sh("git -C hist.git for-each-ref --format='%%(objectname) %%(refname)' refs/heads > want");
	OK(file_read("want", 10000, &want, &err));
	assert_string_equal(strbuf_cstr(&refs), strbuf_cstr(&want));
	char id[GIT_HEX + 1];
	OK(repo_resolve(r, "v1", id, &err));
	assert_string_equal(id, b);
	OK(repo_resolve(r, "main~1", id, &err));
	assert_string_equal(id, a);
}

static void sort_lines(const char *name)
{
	sh("LC_ALL=C sort -z %s -o %s", name, name);
}

/* The same as git says, for all names that a file can have. */
static void trees(void **state)
{
	AUTO(repo_freep) struct repo *r = NULL;
	AUTO(strbuf_done) struct strbuf want = STRBUF(1000000);
	struct seen all = {.text = STRBUF(1000000)}, some = {.text = STRBUF(1000000)};
	const char *dot = ".", *dirs[] = {"a",         "a/b", "a-b", "none/x", "a/b/c",
					  "a/b/c/d/e", "a.b", ".",   "a/b/c",  "u"};
	char tree[GIT_HEX + 1];

	(void)state;
	make_repo("tree");
	sh("cd tree && mkdir -p a/b/c/d a-b a.b a0 u && for f in a/b/c/1 a/b/c/d/e a-b/2 a.b/3 a0/4 a/x 'a/ sp ace' -dash "
	   "\"$(printf 'new\\nline')\" \"$(printf 'bad\\377utf')\" \"quote'\\\"\" a/b.c 'a/b-' 'a/b0'; do printf \"%%s\" \"$f\" > "
	   "./\"$f\"; done && chmod 755 a/x && ln -s x a/link && git add -A && git update-index --add --cacheinfo "
	   "160000,0123456789012345678901234567890123456789,u/sub && git commit -qm all && git push -q origin HEAD");
	OK(repo_open("tree.git", &r, &err));
	const struct repo_ask everything = {.list = &dot, .n_list = 1};
	OK(repo_tree(r, "main", &everything, note_entry, &all, tree, &err));
	assert_string_equal(tree, sh("git -C tree.git rev-parse 'main^{tree}'"));
	OK(file_write_fast("got", strbuf_str(&all.text), 0644, &err));
	sh("git -C tree.git ls-tree -rz main | sed -zE 's/^(\\w+) \\w+ (\\w+)\\t/\\1 \\2 /' | grep -zv '^160000' > want");
	sh("cmp got want"); /* in the very same order */
	const struct repo_ask ask = {.dirs = dirs,
				     .n_dirs = ARRAY_LEN(dirs),
				     .list = (const char *const[]){"a/b/c/d", "a/x", "u"},
				     .n_list = 3};
	OK(repo_tree(r, "main", &ask, note_entry, &some, NULL, &err));
	OK(file_write_fast("got", strbuf_str(&some.text), 0644, &err));
	sh("git -C tree.git ls-tree -rtz main | sed -zE 's/^(\\w+) \\w+ (\\w+)\\t/\\1 \\2 /' | "
	   "grep -zE ' (a|a/b|a-b|a/b/c|a/b/c/d/e|a.b|a/x|u)$' > want && printf '040000 %%s .\\0' $(git -C tree.git rev-parse 'main^{tree}') "
	   ">> want");
	sort_lines("got");
	sort_lines("want");
	sh("cmp got want");
	strbuf_done(&all.text);
	strbuf_done(&some.text);
}

static const char *hostile_commit(const char *mktree)
{
	return sh(
		"cd tree.git && b=$(echo x | git hash-object -w --stdin) && e=$(git hash-object -w -t tree /dev/null) && "
		"raw() { printf \"$1\"; printf '%%s' \"$2\" | xxd -r -p; } && t=$( { %s; } | git hash-object -w -t tree --literally --stdin) && "
		"git commit-tree -m hostile $t",
		mktree);
}

static void hostile(void **state)
{
	static const struct {
		const char *why, *tree;
		enum rc want;
	} cases[] = {
		{"up", "raw '40000 ..\\0' $e", RC_INVALID},
		{"here", "raw '100644 .\\0' $b", RC_INVALID},
		{"git's own", "raw '40000 .GIT\\0' $e", RC_INVALID},
		{"a slash", "raw '100644 a/../../b\\0' $b", RC_INVALID},
		{"no name", "raw '100644 \\0' $b", RC_INVALID},
		{"cut off", "printf '100644 a\\0abc'", RC_CORRUPT},
		{"no mode", "printf 'hello'", RC_CORRUPT},
		{"no such blob", "raw '100644 a\\0' 0123456789012345678901234567890123456789",
		 RC_CORRUPT},
		{"no such tree", "raw '40000 a\\0' 0123456789012345678901234567890123456789",
		 RC_CORRUPT},
		{"a blob as a tree", "raw '40000 a\\0' $b", RC_CORRUPT},
		{"a tree as a blob", "raw '100644 a\\0' $e", RC_CORRUPT},
	};
	AUTO(repo_freep) struct repo *r = NULL;
	const char *dot = ".";

	(void)state;
	OK(repo_open("tree.git", &r, &err));
	sh("mkdir hostile");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err why = {0};
		enum rc rc = repo_lay(r, hostile_commit(cases[i].tree), &dot, 1, "hostile", &why);
		if (rc != cases[i].want)
			fail_msg("%s: %s: %s", cases[i].why, rc_name(rc), why.msg);
	}
	assert_string_equal(sh("find hostile -mindepth 1 | wc -l"), "0");
}

static void files(void **state)
{
	AUTO(repo_freep) struct repo *r = NULL;
	AUTO(strbuf_done) struct strbuf text = STRBUF(100), small = STRBUF(2);

	(void)state;
	OK(repo_open("tree.git", &r, &err));
	OK(repo_file(r, "main", "a/b/c/1", 100, &text, &err));
	assert_string_equal(strbuf_cstr(&text), "a/b/c/1");
	FAILS(RC_TOO_BIG, repo_file(r, "main", "a/b/c/1", 6, &text, &err));
	FAILS(RC_TOO_BIG, repo_file(r, "main", "a/b/c/1", 100, &small, &err));
	FAILS(RC_NOT_FOUND, repo_file(r, "main", "a/b", 100, &text, &err));
	FAILS(RC_NOT_FOUND, repo_file(r, "main", "a/link", 100, &text, &err));
	FAILS(RC_NOT_FOUND, repo_file(r, "main", "a/b/c/1/2", 100, &text, &err));
	FAILS(RC_NOT_FOUND, repo_file(r, "main", "../a", 100, &text, &err));
	FAILS(RC_NOT_FOUND, repo_file(r, "no-branch", "a", 100, &text, &err));
}

static void laying(void **state)
{
	AUTO(repo_freep) struct repo *r = NULL;
	const char *paths[] = {"a", "u", "none"}, *dot = ".";
	struct stat st;

	(void)state;
	OK(repo_open("tree.git", &r, &err));
	sh("mkdir out && umask 077");
	OK(repo_lay(r, "main", paths, 3, "out", &err));
	sh("mkdir want.d && git -C tree.git archive main a | tar -x -C want.d && diff -r --no-dereference out want.d");
	assert_int_equal(stat("out/a/x", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(stat("out/a/b/c/1", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	OK(repo_lay(r, "main", &dot, 1, "out", &err)); /* again and more */
	assert_string_equal(sh("cat out/-dash"), "-dash");
	sh("mkdir traps elsewhere && ln -s ../elsewhere traps/a-b && ln -s ../elsewhere/f traps/-dash");
	const char *dash = "-dash", *ab = "a-b";
	OK(repo_lay(r, "main", &dash, 1, "traps", &err)); /* the link is replaced, not followed */
	FAILS(RC_CONFLICT, repo_lay(r, "main", &ab, 1, "traps", &err));
	assert_string_equal(sh("ls elsewhere | wc -l"), "0");
	FAILS(RC_NOT_FOUND, repo_lay(r, "main", &dot, 1, "missing", &err));
}

static void links(void **state)
{
	static const struct {
		const char *why, *path, *target;
		enum rc want;
	} cases[] = {
		{"beside", "l", "x", RC_OK},
		{"below", "l", "x/y", RC_OK},
		{"up and down", "a/b/l", "../c/../../../x", RC_INVALID},
		{"up to the top", "a/b/l", "../../x", RC_OK},
		{"above the top", "a/b/l", "../../../x", RC_INVALID},
		{"above from the top", "l", "..", RC_INVALID},
		{"by way of a link", "l", "p/q/d/..", RC_INVALID},
		{"absolute", "l", "/etc/passwd", RC_INVALID},
		{"empty", "l", "", RC_INVALID},
		{"dots that are names", "l", "..x/...", RC_OK},
		{"here", "a/l", "./../x", RC_OK},
	};

	(void)state;
	sh("mkdir links");
	AUTO(lay_freep) struct lay *l = NULL;
	OK(lay_new("links", &l, &err));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		enum rc rc = lay_link(l, cases[i].path, str_of(cases[i].target), &err);
		if (rc != cases[i].want)
			fail_msg("%s: %s: %s", cases[i].why, rc_name(rc), err.msg);
	}
	static const char *const bad[] = {"../x", "/x", "a/../x", "a//x", "./x", "..", "."};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(lay_file(l, bad[i], STR("x"), false, &(struct err){0}) != RC_OK, bad[i]);
}

static void same_as(const char *from, const char *mirror, const char *why)
{
	AUTO(repo_freep) struct repo *a = NULL;
	AUTO(repo_freep) struct repo *b = NULL;
	bool changed = false;

	OK(repo_open(from, &a, &err));
	OK(repo_init(mirror, false, &b, &err));
	OK(repo_fetch(b, a, &changed, &err));
	CHECK(changed, why);
	OK(repo_fetch(b, a, &changed, &err));
	CHECK(!changed, why);
	sh("git -C %s for-each-ref refs/heads > a; git -C %s for-each-ref refs/heads > b; cmp a b",
	   from, mirror);
	sh("git -C %s fsck --full --strict --no-dangling", mirror);
}

static void fetching(void **state)
{
	(void)state;
	make_repo("fetch");
	for (int i = 0; i < 3; i++)
		sh("cd fetch && echo %d > f%d && mkdir -p d%d && echo %d > d%d/x && git add -A && git commit -qm %d && git push -q origin HEAD",
		   i, i, i, i, i, i);
	same_as("fetch.git", "mirror.git", "first");
	push_file("fetch", "d1/x", "new");
	same_as("fetch.git", "mirror.git", "small push");
	sh("cd fetch && git checkout -q --orphan other && git rm -rqf . && echo z > z && git add z && git commit -qm z && git push -q origin HEAD");
	same_as("fetch.git", "mirror.git", "unrelated history");
	sh("cd fetch && git checkout -q main && git reset -q --hard HEAD~2");
	push_file("fetch", "d0/y", "forced");
	same_as("fetch.git", "mirror.git", "force push");
	sh("git -C fetch push -q origin :other && git -C fetch push -q origin main:other/below");
	same_as("fetch.git", "mirror.git", "a branch went, and one below its name came");
	sh("cd fetch.git && git reflog expire --expire=now --all && git gc -q --prune=now");
	push_file("fetch", "d2/y", "after gc");
	same_as("fetch.git", "mirror.git", "gc");
	sh("cd fetch && for i in $(seq 200); do echo $i > many-$i; done && git add -A && git commit -qm many && git push -q origin HEAD");
	same_as("fetch.git", "mirror.git", "many objects");
	sh("cd fetch && git checkout -qb side HEAD~2 && echo s > s && git add s && git commit -qm s && git checkout -q main && "
	   "git merge -q --no-edit side && git push -q origin HEAD && git push -q origin :other/below");
	same_as("fetch.git", "mirror.git", "merge");
	sh("git clone -q --bare --shared fetch.git shared.git");
	same_as("shared.git", "mirror-shared.git", "objects kept elsewhere");
	sh("git -C fetch push -q origin :side || true; git -C fetch.git config receive.denyDeleteCurrent ignore; git -C fetch push -q origin :main");
	same_as("fetch.git", "mirror.git", "no branch is left");
}

static void broken_source(void **state)
{
	AUTO(repo_freep) struct repo *a = NULL;
	AUTO(repo_freep) struct repo *b = NULL;

	(void)state;
	make_repo("broken");
	push_file("broken", "f", "1");
	OK(repo_open("broken.git", &a, &err));
	OK(repo_init("broken-mirror.git", false, &b, &err));
	OK(repo_fetch(b, a, NULL, &err));
	push_file("broken", "f", "lost contents");
	sh("cd broken.git && rm -f objects/$(git rev-parse main:f | sed 's/../&\\//')");
	FAILS(RC_CORRUPT, repo_fetch(b, a, NULL, &err));
	assert_string_equal(sh("git -C broken-mirror.git cat-file -p main:f"), "1");
	push_file("broken", "f", "damaged");
	sh("cd broken.git && o=objects/$(git rev-parse main:f | sed 's/../&\\//') && chmod 644 $o && echo rubbish > $o");
	AUTO(repo_freep) struct repo *fresh = NULL;
	OK(repo_open("broken.git", &fresh, &err));
	FAILS(RC_CORRUPT, repo_fetch(b, fresh, NULL, &err));
}

static void taking_back(void **state)
{
	AUTO(repo_freep) struct repo *r = NULL;
	char tree[GIT_HEX + 1];

	(void)state;
	make_repo("back");
	sh("cd back && seq 30 > n && git add n");
	const char *base = push_file("back", "other", "1");
	sh("cd back && sed -i 's/^15$/fifteen/' n");
	const char *bad = push_file("back", "added", "x");
	sh("cd back && sed -i 's/^3$/three/' n");
	const char *tip = push_file("back", "later", "y");
	OK(repo_open("back.git", &r, &err));
	OK(repo_take_back(r, tip, bad, base, tree, &err));
	assert_string_equal(sh("git -C back.git cat-file -p %s:n | sed -n 3p", tree), "three");
	assert_string_equal(sh("git -C back.git cat-file -p %s:n | sed -n 15p", tree), "15");
	assert_string_equal(sh("git -C back.git ls-tree %s --name-only | tr '\\n' ' '", tree),
			    "later n other ");
	sh("cd back && sed -i 's/^fifteen$/XV/' n");
	tip = push_file("back", "later", "z");
	FAILS(RC_CONFLICT, repo_take_back(r, tip, bad, base, tree, &err));
	struct err err = {0};
	assert_int_equal(repo_take_back(r, tip, bad, base, tree, &err), RC_CONFLICT);
	assert_non_null(strstr(err.msg, "n"));
}

static void diffs(void **state)
{
	AUTO(strbuf_done) struct strbuf d = STRBUF(10000);

	(void)state;
	repo_diff(&d, "f", STR("same\n"), STR("same\n"));
	assert_int_equal(d.n, 0);
	repo_diff(&d, "f", STR("a\nb\nc\n"), STR("a\nB\nc\n"));
	assert_string_equal(strbuf_cstr(&d), "--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n");
	strbuf_clear(&d);
	repo_diff(&d, "f", STR(""), STR("a\n"));
	assert_string_equal(strbuf_cstr(&d), "--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+a\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opening),       cmocka_unit_test(writing),
		cmocka_unit_test(trailers),      cmocka_unit_test(history),
		cmocka_unit_test(trees),         cmocka_unit_test(hostile),
		cmocka_unit_test(files),         cmocka_unit_test(laying),
		cmocka_unit_test(links),         cmocka_unit_test(fetching),
		cmocka_unit_test(broken_source), cmocka_unit_test(taking_back),
		cmocka_unit_test(diffs),
	};

	return cmocka_run_group_tests(tests, input_begin, input_end);
}
