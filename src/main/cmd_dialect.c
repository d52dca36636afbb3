/* The command lines of `import` and `generate`. */
#include "main/cmd_dialect.h"
#include "base/str.h"
#include "main/local_dialect.h"

static bool read_dialect(struct cli *c, size_t n, enum dialect *ret)
{
	for (size_t i = 0; i < n; i++)
		if (streq(c->args[0], dialect_names[i])) {
			*ret = (enum dialect)i;
			return true;
		}
	const char *near = str_nearest(str_of(c->args[0]), dialect_names, n);
	(void)cli_usage(c, "there is no \"%s\" here%s%s%s", c->args[0],
			near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	return false;
}

static const struct option import_options[] = {
	{"out", 'o', "FILE", "write here (default: stdout)"},
	{"force", 'f', NULL, "replace a file that is there"},
	{0},
};

static int import(struct cli *c)
{
	struct import_options o = {
		.file = c->args[1], .out = cli_value(c, "out"), .force = cli_flag(c, "force")};

	return read_dialect(c, 2, &o.dialect) ? local_import(&o) : EXIT_USAGE;
}

static const struct option generate_options[] = {
	{"repo", 0, "DIR", "a bare repository or a clone (default: the one here)"},
	{"affected", 'a', NULL, "only jobs that the change touches, and what they need"},
	{"base", 0, "REV", "what to compare to; implies --affected"},
	{"head", 0, "REV", "the commit (default HEAD)"},
	{0},
};

static int generate(struct cli *c)
{
	struct generate_options o = {.repo = cli_value(c, "repo"),
				     .base = cli_value(c, "base"),
				     .head = cli_value(c, "head"),
				     .affected = cli_flag(c, "affected") || cli_value(c, "base")};

	return read_dialect(c, DIALECT_BUILDKITE + 1, &o.dialect) ? local_generate(&o) : EXIT_USAGE;
}

#define HERE "Work on a repository"

const struct command dialect_commands[] = {
	{"import", HERE,
	 "Convert a workflow of GitHub Actions or a .gitlab-ci.yml, and list what did not map",
	 "github|gitlab FILE [-o penstock.yml]", import_options,
	 "penstock import github .github/workflows/ci.yml -o penstock.yml\n"
	 "penstock import gitlab .gitlab-ci.yml >penstock.yml   # what did not map: on stderr, and as comments\n",
	 import, 2, 2},
	{"generate", HERE,
	 "Print the jobs of stage ci as another system's YAML; they run there without Penstock",
	 "github|gitlab|tekton|buildkite [--affected] [--base REV]", generate_options,
	 "penstock generate github >.github/workflows/ci.yml\n"
	 "penstock generate gitlab --base \"$CI_MERGE_REQUEST_DIFF_BASE_SHA\" >child.yml  # a child pipeline of this change\n"
	 "penstock generate buildkite --affected | buildkite-agent pipeline upload\n"
	 "penstock generate tekton | kubectl create -f -\n",
	 generate, 1, 1},
};
const size_t n_dialect_commands = ARRAY_LEN(dialect_commands);
