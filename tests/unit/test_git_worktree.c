/* A work tree as a commit: everything that git itself would add, and nothing of the clone changed. */
#include "clients/git_worktree.h"
#include "port/checks.h"
#include "port/git_input.h"

static struct repo *open_repo(const char *path)
{
	struct repo *r = NULL;

	OK(repo_open(path, &r, &err));
	return r;
}

/* What `git` makes of the same work tree, by an index of its own. The caller's until the next call. */
static const char *tree_by_git(const char *path)
{
	return sh(
		"cd %s && cp -p .git/index /tmp/penstock-index.$$ 2>/dev/null; export "
		"GIT_INDEX_FILE=/tmp/penstock-index.$$; git add -A 2>/dev/null && git write-tree; "
		"rm -f /tmp/penstock-index.$$",
		path);
}

static void changed(void **state)
{
	AUTO(repo_freep) struct repo *r = NULL;
	AUTO(repo_freep) struct repo *beside = NULL;
	AUTO(repo_commit_done) struct repo_commit c = {0};
	char id[GIT_HEX + 1], head[GIT_HEX + 1];

	(void)state;
	sh("git init -q -b main w && cd w && mkdir -p d/e && echo 1 >a && echo 1 >gone && echo 1 >d/e/f && "
	   "printf '*.o\\nout/\\n' >.gitignore && git add -A && git commit -qm one");
	sh("cd w && echo 2 >a && rm gone && echo new >d/new && echo staged >s && git add s && echo obj >x.o && "
	   "mkdir out && echo x >out/y && chmod +x d/e/f && ln -s a link && echo private >.git/info/secret && "
	   "echo local >local.tmp && echo '*.tmp' >>.git/info/exclude");
	AUTO(freep)
	char *before = xstrdup(
		sh("cd w && sha256sum .git/index && git for-each-ref && find .git/objects | sort"));
	r = open_repo("w");
	OK(repo_worktree(r, "w-beside.git", id, head, &err));
	assert_string_equal(
		sh("cd w && sha256sum .git/index && git for-each-ref && find .git/objects | sort"),
		before);
	assert_string_equal(head, sh("git -C w rev-parse HEAD"));
	assert_string_not_equal(id, head);
	beside = open_repo("w-beside.git");
	OK(repo_commit(beside, id, &c, &err));
	assert_string_equal(c.parent, head);
	assert_string_equal(sh("git -C w-beside.git ls-tree -r --name-only %s | tr '\\n' ' '", id),
			    ".gitignore a d/e/f d/new link s ");
	assert_string_equal(c.tree, tree_by_git("w"));
	assert_string_equal(sh("git -C w-beside.git cat-file -p %s:a", id), "2");
}

/* What stat alone cannot tell, and folders that became files and the other way round. */
static void turned(void **state)
{
	AUTO(repo_freep) struct repo *r = NULL;
	AUTO(repo_freep) struct repo *beside = NULL;
	AUTO(repo_commit_done) struct repo_commit c = {0};
	char id[GIT_HEX + 1], head[GIT_HEX + 1];

	(void)state;
	sh("git init -q -b main t && cd t && mkdir -p a/b c/d e gone/x '[s]*' && echo 1 >a/b/f && echo 1 >a.c && echo 1 >a/z && "
	   "echo 1 >c/d/f && echo 1 >e/f && echo 1 >file && echo 1 >gone/x/f && echo 1 >'[s]*/q?' && ln -s f e/l && "
	   "printf 'ignored\n' >.gitignore && git add -A && git commit -qm one");
	/* Same size, same second as the index. */
	sh("cd t && git add -A && echo 2 >a/b/f && rm -r c/d gone && echo 2 >c/d && rm file && mkdir -p file/in && echo 1 >file/in/f && "
	   "ln -sf z e/l && mkdir -p new/ignored new/deep/er && echo 1 >new/ignored/f && echo 1 >new/deep/er/f && "
	   "echo 2 >'[s]*/q?' && rm -r e/f && ln -s ../a e/f && mkdir empty && mkfifo pipe && touch a.c && "
	   "git init -q inner && echo 1 >inner/x && git -C inner add x && git -C inner commit -qm inner");
	r = open_repo("t");
	OK(repo_worktree(r, "t-beside.git", id, head, &err));
	beside = open_repo("t-beside.git");
	OK(repo_commit(beside, id, &c, &err));
	sh("rm -rf t/inner"); /* Git would note its commit, as of a submodule */
	assert_string_equal(c.tree, tree_by_git("t"));
}

static void unchanged(void **state)
{
	AUTO(repo_freep) struct repo *r = NULL;
	char id[GIT_HEX + 1], head[GIT_HEX + 1];

	(void)state;
	sh("git init -q -b main same && cd same && echo 1 >a && git add -A && git commit -qm one && touch a");
	r = open_repo("same");
	OK(repo_worktree(r, "same-beside.git", id, head, &err));
	assert_string_equal(id, head);
}

/* What a daemon keeps in the work tree is no work, unless somebody committed it. */
static void data_folder(void **state)
{
	AUTO(repo_freep) struct repo *r = NULL;
	char id[GIT_HEX + 1], head[GIT_HEX + 1];

	(void)state;
	sh("git init -q -b main own && cd own && mkdir x && echo a >x/a && git add -A && git commit -qm a && "
	   "mkdir -p .penstock/secrets x/.penstock && echo s >.penstock/secrets/key");
	r = open_repo("own");
	OK(repo_worktree(r, "own.git", id, head, &err));
	assert_string_equal(id, head);
	sh("echo b >own/x/.penstock/b");
	OK(repo_worktree(r, "own2.git", id, head, &err));
	assert_string_equal(sh("git -C own2.git ls-tree -r --name-only %s | tr '\\n' ' '", id),
			    "x/.penstock/b x/a ");
	sh("cd own && git add -f .penstock && git commit -qm c && echo t >.penstock/secrets/key");
	OK(repo_worktree(r, "own3.git", id, head, &err));
	assert_string_not_equal(id, head);
}

static void unborn(void **state)
{
	AUTO(repo_freep) struct repo *r = NULL;
	AUTO(repo_freep) struct repo *bare = NULL;
	char id[GIT_HEX + 1], head[GIT_HEX + 1];

	(void)state;
	sh("git init -q -b main unborn && echo 1 >unborn/a");
	r = open_repo("unborn");
	OK(repo_worktree(r, "unborn-beside.git", id, head, &err));
	assert_string_equal(head, "");
	assert_string_equal(sh("git -C unborn-beside.git ls-tree --name-only %s", id), "a");
	sh("git init -q --bare bare.git");
	bare = open_repo("bare.git");
	assert_null(repo_workdir(bare));
	FAILS(RC_INVALID, repo_worktree(bare, "bare-beside.git", id, head, &err));
}

static void finding(void **state)
{
	AUTO(repo_freep) struct repo *r = NULL;

	(void)state;
	sh("git init -q -b main top && mkdir -p top/x/y");
	OK(repo_find("top/x/y", &r, &err));
	assert_true(str_ends(str_of(repo_workdir(r)), "/top/"));
}

static void bases(void **state)
{
	AUTO(repo_freep) struct repo *r = NULL;
	char base[GIT_HEX + 1];

	(void)state;
	sh("git init -q -b main b && cd b && for i in 1 2 3; do echo $i >a && git add -A && git commit -qm $i; done && "
	   "git checkout -q -b feature main~1 && echo f >f && git add -A && git commit -qm f && echo g >f && git commit -qam g");
	r = open_repo("b");
	OK(repo_usual_base(r, "feature", false, base, &err));
	assert_string_equal(base, sh("git -C b rev-parse main~1"));
	OK(repo_usual_base(r, "main", false, base, &err));
	assert_string_equal(base, sh("git -C b rev-parse main~1"));
	OK(repo_usual_base(r, "main", true, base, &err));
	assert_string_equal(base, sh("git -C b rev-parse main"));
	OK(repo_usual_base(r, "main~2", false, base, &err));
	assert_string_equal(base, "");
	FAILS(RC_NOT_FOUND, repo_usual_base(r, "nowhere", false, base, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changed),     cmocka_unit_test(turned),
		cmocka_unit_test(unchanged),   cmocka_unit_test(unborn),
		cmocka_unit_test(data_folder), cmocka_unit_test(finding),
		cmocka_unit_test(bases),
	};

	return cmocka_run_group_tests(tests, input_begin, input_end);
}
