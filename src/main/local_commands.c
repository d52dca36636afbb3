/* The command lines of what needs no daemon. */
#include "cli/client.h"
#include "cli/commands.h"
#include "main/local.h"
#include "base/digest.h"

/* ---- check ---- */
static const struct option check_options[] = {
	{"repo", 0, "DIR", "read it from a commit of this repository"},
	{"rev", 0, "REV", "which commit (default HEAD)"},
	{"schema", 0, NULL, "print the JSON Schema of penstock.yml, for editors"},
	{0},
};

static int check(struct cli *c)
{
	return local_check(&(struct check_options){.file = c->n_args ? c->args[0] : NULL,
						   .repo = cli_value(c, "repo"),
						   .rev = cli_value(c, "rev"),
						   .schema = cli_flag(c, "schema"),
						   .json = c->json});
}

/* ---- plan ---- */
static const struct option plan_options[] = {
	{"repo", 0, "DIR", "a bare repository or a clone (default: the one here)"},
	{"base", 0, "REV", "what to compare to (default: where head left the default branch)"},
	{"head", 0, "REV", "the commit to plan (default HEAD)"},
	{"cache", 0, "DIR", "look for results here (default: the data folder, else what `penstock run` keeps)"},
	{0},
};

static int plan(struct cli *c)
{
	const char *data = cli_value(c, "data");

	return local_plan(&(struct plan_options){
		.repo = cli_value(c, "repo"),
		.base = cli_value(c, "base"),
		.head = cli_value(c, "head"),
		.cache = cli_value(c, "cache") ? cli_value(c, "cache") : data,
		.json = c->json});
}

/* ---- graph ---- */
static const struct option graph_options[] = {
	{"format", 'f', "FORMAT", "text, json, dot, mermaid or svg (by graphviz)"},
	{"affected", 'a', NULL, "only units that the change touches, and why"},
	{"base", 0, "REV", "mark what changed since (default: where HEAD left the default branch)"},
	{"rev", 0, "REV", "of this commit (default: the work tree as it stands)"},
	{"repo", 0, "DIR", "a bare repository or a clone (default: the one here)"},
	{0},
};

static int graph(struct cli *c)
{
	static const char *const names[] = {"text", "json", "dot", "mermaid", "svg"};
	const char *wanted = cli_value(c, "format");
	enum graph_format format = c->json ? GRAPH_JSON : GRAPH_TEXT;
	bool known = !wanted;

	for (size_t i = 0; wanted && i < ARRAY_LEN(names); i++)
		if (streq(wanted, names[i])) {
			format = (enum graph_format)i;
			known = true;
		}
	if (!known)
		return cli_usage(c, "--format takes text, json, dot, mermaid or svg, not \"%s\"",
				 wanted);
	return local_graph(&(struct graph_options){.repo = cli_value(c, "repo"),
						   .rev = cli_value(c, "rev"),
						   .base = cli_value(c, "base"),
						   .unit = c->n_args ? c->args[0] : NULL,
						   .affected = cli_flag(c, "affected"),
						   .format = format});
}

/* ---- run ---- */
static const struct option run_options[] = {
	{"unit", 'u', "UNIT", "only jobs of this unit, and what they need"},
	{"repo", 0, "DIR", "the clone (default: the one here)"},
	{"base", 0, "REV", "run what changed since (default: where HEAD left the default branch)"},
	{"cache", 0, "DIR", "keep results here (default $PENSTOCK_CACHE or ~/.cache/penstock)"},
	{"slots", 'j', "N", "jobs at a time (default: one a core)"},
	{"restore", 0, NULL,
	 "lay the outputs of jobs that passed, or were cached, out in the work tree"},
	{"dialect", 0, "NAME",
	 "speak as a step of github or gitlab, or plain (default: as the environment says)"},
	{"junit", 0, "FILE", "write the results of all tests here, as JUnit"},
	{"codequality", 0, "FILE", "write annotations here, as GitLab's code quality report"},
	{0},
};

static int run(struct cli *c)
{
	uint64_t slots;

	if (!cli_number(c, "slots", 0, &slots))
		return EXIT_USAGE;
	if (cli_value(c, "slots") && (slots < 1 || slots > 1000))
		return cli_usage(c, "--slots must be 1 to 1000");
	return local_run(&(struct run_options){.repo = cli_value(c, "repo"),
					       .jobs = c->args,
					       .n_jobs = c->n_args,
					       .unit = cli_value(c, "unit"),
					       .base = cli_value(c, "base"),
					       .cache = cli_value(c, "cache"),
					       .slots = (uint32_t)slots,
					       .restore = cli_flag(c, "restore"),
					       .dialect = cli_value(c, "dialect"),
					       .junit = cli_value(c, "junit"),
					       .codequality = cli_value(c, "codequality"),
					       .json = c->json});
}

/* ---- verdict ---- */
static const struct option verdict_options[] = {
	{"facts", 0, "FILE", "recorded requests, one JSON object a line; - for stdin"},
	{"weight", 0, "SHARE",
	 "the canary's share (default 5%): up to 10% is judged as a first step"},
	{"error-margin", 0, "SHARE", "more errors than this are harm (default 0.1%)"},
	{"latency-ratio", 0, "N", "slower than this is harm (default 1.05)"},
	{"history", 0, "FILE", "what the stable side did before, recorded likewise"},
	{0},
};

static int verdict(struct cli *c)
{
	struct verdict_options o = {.facts = cli_value(c, "facts"),
				    .history = cli_value(c, "history"),
				    .weight = 0.05,
				    .error_margin = 0.001,
				    .latency_ratio = 1.05,
				    .json = c->json};
	const char *weight = cli_value(c, "weight"), *margin = cli_value(c, "error-margin");
	const char *ratio = cli_value(c, "latency-ratio");

	if (!o.facts)
		return cli_usage(c, "verdict needs --facts FILE (- for stdin)");
	if (weight && !parse_percent(str_of(weight), &o.weight))
		return cli_usage(c, "--weight takes a share such as 5%%, not \"%s\"", weight);
	if (margin && !parse_percent(str_of(margin), &o.error_margin))
		return cli_usage(c, "--error-margin takes a share such as 0.1%%, not \"%s\"",
				 margin);
	if (ratio && !parse_double(str_of(ratio), &o.latency_ratio))
		return cli_usage(c, "--latency-ratio takes a number such as 1.05, not \"%s\"",
				 ratio);
	return local_verdict(&o);
}

/* ---- init, doctor ---- */
static const struct option init_options[] = {
	{"force", 'f', NULL, "replace a penstock.yml that is there"},
	{0},
};

static int init(struct cli *c)
{
	return local_init(&(struct init_options){.dir = c->n_args ? c->args[0] : NULL,
						 .force = cli_flag(c, "force"),
						 .json = c->json});
}

static int doctor(struct cli *c)
{
	return local_doctor(&(struct doctor_options){.data = cli_data(c), .json = c->json});
}

/* ---- audit ---- */
static const struct option verify_options[] = {
	{"export", 0, "FILE",
	 "check an export instead of a journal, packed by zstd or not; - for stdin"},
	{"head", 0, "HASH", "the export must end with this hash: one that was kept elsewhere"},
	{"from-daemon", 0, NULL, "the export must end as the daemon's journal says"},
	{0},
};
static const struct option export_options[] = {
	{"output", 'o', "FILE", "write here (default: stdout)"},
	{"format", 'f', "FORMAT", "ndjson: the records; cdevents: as CDEvents"},
	{"from", 0, "SEQ|TIME", "the first record, or not older than this time (2026-01-31)"},
	{"to", 0, "SEQ|TIME", "the last record, or older than this time"},
	{0},
};

static int audit_verify(struct cli *c)
{
	const char *head = cli_value(c, "head");
	struct digest digest;

	if (!cli_value(c, "export") && (head || cli_flag(c, "from-daemon")))
		return cli_usage(c, "--head and --from-daemon are for --export FILE");
	if (head && !digest_parse(str_of(head), &digest))
		return cli_usage(c, "--head takes the 64 digits of a hash, not \"%s\"", head);
	return local_audit_verify(
		&(struct audit_options){.data = cli_data(c),
					.file = cli_value(c, "export"),
					.head = head,
					.from_daemon = cli_flag(c, "from-daemon"),
					.server = client_server(c) != NULL,
					.cli = c,
					.json = c->json});
}

static int audit_export(struct cli *c)
{
	const char *format = cli_value(c, "format");

	if (format && !streq(format, "ndjson") && !streq(format, "cdevents"))
		return cli_usage(c, "--format takes ndjson or cdevents, not \"%s\"", format);
	return local_audit_export(
		&(struct audit_options){.data = cli_data(c),
					.file = cli_value(c, "output"),
					.from = cli_value(c, "from"),
					.to = cli_value(c, "to"),
					.cdevents = streq(format, "cdevents"),
					.server = cli_value(c, "server") != NULL,
					.cli = c,
					.json = c->json});
}

static int audit_replay(struct cli *c)
{
	return local_audit_replay(&(struct audit_options){.data = cli_data(c), .json = c->json});
}

#define HERE "Work on a repository"

const struct command local_commands[] = {
	{"init", HERE, "Write a penstock.yml for this repository", "[DIR] [--force]", init_options,
	 "penstock init          # find services and libraries, write a commented penstock.yml\n"
	 "penstock init --force  # again, over the one that is there\n",
	 init, 0, 1},
	{"check", HERE, "Read penstock.yml and say what it says", "[FILE | --repo DIR --rev REV]",
	 check_options,
	 "penstock check                           # ./penstock.yml\n"
	 "penstock check --repo shop.git --rev main\n"
	 "penstock check --schema >penstock.schema.json\n",
	 check, 0, 1},
	{"plan", HERE, "Show what a change touches and what would run",
	 "[--repo DIR] [--base REV] [--head REV]", plan_options,
	 "penstock plan                                              # HEAD against the default branch\n"
	 "penstock plan --repo shop.git --base main~1 --head main    # bare, without a checkout\n"
	 "penstock plan --json | jq '.jobs[] | select(.state == \"miss\")'\n",
	 plan, 0, 0},
	{"graph", HERE, "Show units, what each is built from, and where that is written",
	 "[UNIT] [--format FORMAT] [--affected]", graph_options,
	 "penstock graph                       # the work tree as it stands, also without a penstock.yml\n"
	 "penstock graph web                   # one unit: what it is built from, and who uses it\n"
	 "penstock graph --affected --base main\n"
	 "penstock graph --format svg >graph.svg\n",
	 graph, 0, 1},
	{"run", HERE, "Run stage ci here, with what is not committed yet", "[JOB...] [--unit UNIT]",
	 run_options,
	 "penstock run                     # all that the change touches\n"
	 "penstock run test --unit orders  # one job and what it needs\n"
	 "penstock run ci --junit out.xml  # as a step of GitHub Actions or GitLab CI, in their words\n"
	 "penstock run --json              # one line a job\n",
	 run, 0, ANY},
	{"verdict", HERE, "Replay recorded requests through the verdict of rollouts",
	 "--facts FILE [--weight 5%] [--history FILE]", verdict_options,
	 "penstock verdict --facts requests.ndjson             # when would it have said what?\n"
	 "penstock verdict --facts - --weight 50% --json <requests.ndjson\n",
	 verdict, 0, 0},
	{"doctor", GROUP_OTHER, "Say what this machine lacks, and the fix", "", NULL,
	 "penstock doctor\n"
	 "penstock doctor --json | jq '.checks[] | select(.state != \"ok\")'\n",
	 doctor, 0, 0},
	{"audit verify", GROUP_AUDIT, "Check that the journal is what was written",
	 "[--export FILE [--head HASH | --from-daemon]]", verify_options,
	 "penstock audit verify                       # the journal of the data folder, with its archives\n"
	 "penstock audit verify --server https://ci.example # its own, checked there\n"
	 "penstock audit verify --export audit.ndjson # an export, on any machine\n"
	 "zstd -dc archive/*.zst | penstock audit verify --export -\n",
	 audit_verify, 0, 0},
	{"audit export", GROUP_AUDIT, "Write the journal as one JSON object a line",
	 "[-o FILE] [--format FORMAT] [--from SEQ|TIME] [--to SEQ|TIME]", export_options,
	 "penstock audit export -o audit.ndjson\n"
	 "penstock audit export --from 2026-01-01 --to 2026-02-01 | zstd >january.ndjson.zst\n"
	 "penstock audit export --format cdevents --server https://ci.example.com\n",
	 audit_export, 0, 0},
	{"audit replay", GROUP_AUDIT, "Decide everything again from the journal, and compare", "",
	 NULL, "penstock audit replay  # every stored state must come out again, byte for byte\n",
	 audit_replay, 0, 0},
};
const size_t n_local_commands = ARRAY_LEN(local_commands);
