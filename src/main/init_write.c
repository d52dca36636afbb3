/* What was found, as a penstock.yml that explains itself. */
#include "base/json.h"
#include "main/local_init.h"

enum what { WHAT_BUILD, WHAT_TEST, WHAT_LINT };

static bool says(const struct init_unit *u, const char *text)
{
	return strstr(strbuf_cstr(&u->manifests), text) != NULL;
}

static const char *make_command(const struct init_unit *u, enum what what)
{
	if (what == WHAT_BUILD)
		return says(u, "\nbuild:") || says(u, "build ") ? "make build" : "make";
	return what == WHAT_TEST ? u->test ? "make test" : ":" : u->lint ? "make lint" : ":";
}

#define NPM "npm ci --no-audit --no-fund && "
#define GO  "GOCACHE=/tmp/go-build GOPATH=/tmp/go CGO_ENABLED=0 go "

static bool npm_has(const struct init_unit *u, enum what what)
{
	return what == WHAT_BUILD || (what == WHAT_TEST ? u->test : u->lint);
}

/* In a workspace one command is for all packages, and nothing is left to install. */
static char *npm_command(const struct init_found *f, const struct init_unit *u, enum what what)
{
	static const char *const scripts[] = {"build", "test", "lint"};

	if (f->workspace)
		return xasprintf("npm run %s --if-present", scripts[what]);
	return !npm_has(u, what)    ? xstrdup(":")
	       : what == WHAT_BUILD ? xstrdup(NPM "npm run build --if-present")
	       : what == WHAT_TEST  ? xstrdup(NPM "npm test")
				    : xstrdup(NPM "npm run lint");
}

/* The caller's. ":" does nothing. */
static char *command(const struct init_found *f, const struct init_unit *u, enum what what)
{
	switch (u->tool) {
	case TOOL_MAKE:
		return xstrdup(make_command(u, what));
	case TOOL_NPM:
		return npm_command(f, u, what);
	case TOOL_GO:
		return xstrdup(what == WHAT_BUILD  ? u->binary ? GO "build -trimpath -o out/app ."
							       : GO "build ./..."
			       : what == WHAT_TEST ? GO "test ./..."
						   : GO "vet ./...");
	case TOOL_CARGO:
		if (what == WHAT_BUILD && u->binary)
			return xasprintf("cargo build --release && mkdir -p out && cp "
					 "target/release/%s out/app",
					 u->module);
		return xstrdup(what == WHAT_BUILD  ? "cargo build --release"
			       : what == WHAT_TEST ? "cargo test"
						   : ":");
	case TOOL_MAVEN:
		return xstrdup(what == WHAT_BUILD  ? "mvn -q -B package -DskipTests"
			       : what == WHAT_TEST ? "mvn -q -B test"
						   : ":");
	case TOOL_CMAKE:
		return xstrdup(what == WHAT_BUILD  ? "cmake -S . -B out && cmake --build out"
			       : what == WHAT_TEST ? "ctest --test-dir out --output-on-failure"
						   : ":");
	case TOOL_NONE:
		break;
	}
	return xstrdup(":");
}

static bool has_outputs(const struct init_unit *u)
{
	return (u->tool == TOOL_MAKE && u->out) || u->tool == TOOL_CMAKE || u->binary || u->folder;
}

/* Where all that leave something leave it. */
static const char *out_folder(const struct init_found *f)
{
	const char *folder = NULL;

	vec_each(u, &f->units) {
		if (!has_outputs(u))
			continue;
		const char *here = u->folder ? u->folder : "out";
		if (folder && !streq(folder, here))
			return "out";
		folder = here;
	}
	return folder ? folder : "out";
}

static bool is_plain(const char *text)
{
	return *text && *text != ' ' &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			    "0123456789._/ -") == strlen(text);
}

/* As it is where YAML takes it for nothing else, else in quotes. */
static void scalar(struct strbuf *to, const char *text)
{
	struct json_out out = JSON_OUT(to);

	if (is_plain(text))
		strbuf_adds(to, text);
	else
		json_cstr(&out, NULL, text);
}

static void write_unit(const struct init_found *f, const struct init_unit *u, struct strbuf *to)
{
	strbuf_addf(to, "  %s: {path: ", u->name);
	scalar(to, u->path);
	for (size_t i = 0; i < u->deps.n; i++)
		strbuf_addf(to, "%s%s", i ? ", " : ", deps: [", f->units.v[u->deps.v[i]].name);
	strbuf_adds(to, u->deps.n ? "]" : "");
	if (u->port)
		strbuf_addf(to, ", port: %u", u->port);
	if (u->health && !u->library)
		strbuf_addf(to, ", health: %s", u->health);
	strbuf_adds(to, "}\n");
}

static size_t write_units(const struct init_found *f, bool libraries, struct strbuf *to)
{
	size_t n = 0;

	vec_each(u, &f->units) {
		if (u->library != libraries)
			continue;
		if (!n++)
			strbuf_adds(to, libraries ? "libraries:\n" : "services:\n");
		write_unit(f, u, to);
	}
	if (n)
		strbuf_addc(to, '\n');
	return n;
}

static void write_choice(const struct init_found *f, char *const *all, struct strbuf *to)
{
	strbuf_adds(to, "      case $PWD in\n");
	for (size_t i = 0; i < f->units.n; i++)
		if (!streq(all[i], ":")) {
			strbuf_adds(to, "      */");
			strbuf_add_shellquoted(to, str_of(f->units.v[i].path));
			strbuf_addf(to, ") %s ;;\n", all[i]);
		}
	strbuf_adds(to, "      esac\n");
}

/* One command for all, or a choice by folder. */
static void write_run(const struct init_found *f, enum what what, bool fill, struct strbuf *to)
{
	AUTO(freep) char **all = xcalloc(f->units.n, sizeof(*all));
	bool same = true;

	for (size_t i = 0; i < f->units.n; i++) {
		all[i] = command(f, &f->units.v[i], what);
		same &= i == 0 || streq(all[i], all[0]);
	}
	if (same && !fill) {
		strbuf_adds(to, "    run: ");
		scalar(to, all[0]);
		strbuf_addc(to, '\n');
	} else {
		strbuf_adds(to, "    run: |\n");
		if (same)
			strbuf_addf(to, "      %s\n", all[0]);
		else
			write_choice(f, all, to);
		const char *out = out_folder(f);
		if (fill)
			strbuf_addf(to, "      mkdir -p %s; [ -n \"$(ls -A %s)\" ] || : >%s/none\n",
				    out, out, out);
	}
	for (size_t i = 0; i < f->units.n; i++)
		xfree(all[i]);
}

static bool needs_network(const struct init_found *f)
{
	vec_each(u, &f->units)
		if (u->tool != TOOL_MAKE && u->tool != TOOL_CMAKE && u->tool != TOOL_NONE &&
		    (u->tool != TOOL_NPM || !f->workspace)) /* the install has it */
			return true;
	return false;
}

static bool any(const struct init_found *f, enum what what)
{
	vec_each(u, &f->units) {
		AUTO(freep) char *cmd = command(f, u, what);
		if (!streq(cmd, ":") && (u->tool != TOOL_NPM || npm_has(u, what)))
			return true;
	}
	return false;
}

static void write_ci(const struct init_found *f, struct strbuf *to)
{
	size_t out = 0;
	const char *network = needs_network(f) ? "    network: true  # packages are fetched\n" : "";

	vec_each(u, &f->units)
		out += has_outputs(u);
	strbuf_adds(to,
		    "# Stage 1, for each unit that a commit touches, in the unit's own folder. "
		    "`needs: [build]` is the\n# same unit's build, `needs: [^build]` those of what "
		    "it is built from: their outputs lie beside it.\n"
		    "# What was built from the same inputs before is not built again.\nci:\n");
	init_write_install(f, to);
	if (any(f, WHAT_LINT)) {
		strbuf_adds(to, f->workspace ? "  lint:\n    each: \"*\"\n    needs: [install]\n"
					     : "  lint:\n    each: \"*\"\n");
		init_write_shared(f, to);
		write_run(f, WHAT_LINT, false, to);
		strbuf_adds(to, network);
	}
	strbuf_addf(to, "  build:\n    each: \"*\"\n    needs: [%s^build]\n",
		    f->workspace ? "install, " : "");
	init_write_shared(f, to);
	write_run(f, WHAT_BUILD, out && out < f->units.n, to);
	const char *folder = f->workspace && !out ? "dist" : out_folder(f);
	strbuf_addf(to,
		    out ? "    outputs: [%s/**]  # kept, and given to the jobs that need it\n"
			: "    # outputs: [%s/**]  # what the build leaves behind for other jobs\n",
		    folder);
	strbuf_adds(to, network);
	if (!any(f, WHAT_TEST))
		return;
	strbuf_adds(to, "  test:\n    each: \"*\"\n    needs: [build]\n");
	init_write_shared(f, to);
	write_run(f, WHAT_TEST, false, to);
	strbuf_adds(to, "    # reports: {junit: out/junit.xml}  # tests are then counted\n");
	strbuf_adds(to, network);
}

#define IMAGE "image: {from: scratch, copy: {%s: /app}, user: 65532, entrypoint: [/app]}"

static void write_images(const struct init_found *f, struct strbuf *to)
{
	size_t services = 0, known = 0;
	const char *needs = any(f, WHAT_TEST) ? "test" : "build";

	vec_each(u, &f->units) {
		services += !u->library;
		known += !u->library && u->binary;
	}
	if (!services)
		return;
	strbuf_adds(
		to,
		"  # An empty image with what the build left: no shell, no packages, no root.\n");
	if (known < services)
		strbuf_adds(
			to,
			"  # Not every service leaves its program in out/app: see to that, then "
			"uncomment it.\n  # ");
	else
		strbuf_adds(to, "  ");
	strbuf_addf(to, "image: {each: services, needs: [%s], " IMAGE "}\n", needs, "out/app");
}

static void write_delivery(struct strbuf *to)
{
	strbuf_adds(
		to,
		"\n# Stage 2: the images run in staging. A job here could try them: {run: make e2e "
		"BASE=$STAGING_URL}\n"
		"staging:\n"
		"  environment: staging\n\n"
		"# Stage 3: what may go on.\n"
		"gate:\n"
		"  require:\n"
		"    - evidence: {stages: [ci, staging], signed: true}\n"
		"  # approve: {count: 1, by: [release-team], not: author}  # a person's word, too\n\n"
		"# Stage 4: a little traffic first, and back at the first real evidence of harm.\n"
		"production:\n"
		"  environment: production\n"
		"  strategy:\n"
		"    canary:\n"
		"      steps: [5%, 50%, 100%]\n"
		"      guard: {error_rate: 10%}  # never more, whatever the old version does\n"
		"      max: 30m                  # undecided for so long: back\n"
		"  on_failure: {rollback: true}\n\n"
		"environments:\n"
		"  staging: {target: local}\n"
		"  production: {target: local}\n");
}

void init_write(const struct init_found *f, struct strbuf *to)
{
	strbuf_addf(
		to,
		"# How a commit of this repository becomes a running release. Written by `penstock "
		"init`: what it\n# found is a guess, so read it through. `penstock check` reads it, "
		"`penstock run` tries it here.\n"
		"version: 1\nproject: %s\n\n"
		"on:\n  push: {branches: [main]}\n\n"
		"# For every job that does not say otherwise.\n"
		"defaults: {timeout: 10m, retry: {on: [infra], max: 2}}\n\n"
		"# The units: a folder each; `deps` are what it is built from.\n",
		f->project);
	(void)write_units(f, true, to);
	size_t services = write_units(f, false, to);
	write_ci(f, to);
	write_images(f, to);
	if (services)
		write_delivery(to);
}
