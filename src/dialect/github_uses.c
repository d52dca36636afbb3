/* Steps that use an action: the well-known ones are something of ours, or nothing. */
#include "base/glob.h"
#include "dialect/import_impl.h"

struct action {
	const char *name; /* without its version */
	/* NULL: nothing is needed in its place */
	void (*map)(struct importer *im, const struct yaml_node *step, const struct yaml_node *with,
		    const struct action *a);
	const char *a, *b; /* of map */
};

static const struct yaml_node *given(const struct yaml_node *with, const char *key)
{
	const struct yaml_node *n = yaml_get(with, key);

	return node_is_text(n) && n->text.n ? n : NULL;
}

static void add_cache(struct importer *im, char *const *keys, size_t n, const char *path)
{
	struct job_def *job = importer_job(im);
	char *here = NULL;

	if (!cache_folder(job, str_of(path), &here))
		return;
	vec_each(have, &job->caches)
		if (have->paths.n == 1 && streq(have->paths.v[0], here)) {
			xfree(here);
			return;
		}
	vec_add(&job->caches);
	struct cache_def *cache = vec_last(&job->caches);
	vec_push(&cache->paths, here);
	for (size_t i = 0; i < n; i++)
		draft_text(&cache->key, keys[i]);
}

/* setup-*: `cache: npm`. */
static void tool_cache(struct importer *im, const struct yaml_node *with)
{
	static const struct {
		const char *tool, *lock, *path;
	} known[] = {{"npm", "**/package-lock.json", "~/.npm"},
		     {"yarn", "**/yarn.lock", "~/.cache/yarn"},
		     {"pnpm", "**/pnpm-lock.yaml", "~/.pnpm-store"},
		     {"pip", "**/requirements*.txt", "~/.cache/pip"},
		     {"poetry", "**/poetry.lock", "~/.cache/pypoetry"},
		     {"maven", "**/pom.xml", "~/.m2/repository"},
		     {"gradle", "**/*.gradle*", "~/.gradle/caches"}};
	const struct yaml_node *cache = given(with, "cache"),
			       *lock = given(with, "cache-dependency-path");

	for (size_t i = 0; cache && i < ARRAY_LEN(known); i++)
		if (str_is(cache->text, known[i].tool)) {
			AUTO(freep)
			char *key = lock && !github_has_hole(lock->text) &&
						    !memchr(lock->text.p, '\n', lock->text.n)
					    ? node_dup(lock)
					    : xstrdup(known[i].lock);
			add_cache(im, &key, 1, known[i].path);
			return;
		}
	if (cache && !str_is(cache->text, "true") && !str_is(cache->text, "false"))
		lost(im, cache, "write cache: [{key: [...], paths: [...]}]", "cache: %.*s",
		     (int)MIN_OF(cache->text.n, 60), cache->text.p);
}

/* 20.x, lts/iron and >=1.22 as the tag of an image. */
static char *tag_of(struct str version)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF(64);

	if (str_starts(version, "lts/"))
		return xstrdup("lts");
	for (size_t i = 0; i < version.n && b.n < 40; i++) {
		char c = version.p[i];
		if ((c >= '0' && c <= '9') ||
		    (b.n && (c == '.' || c == '-' || (c >= 'a' && c <= 'z' && c != 'x'))))
			strbuf_addc(&b, c);
		else if (b.n)
			break;
	}
	while (b.n && (b.p[b.n - 1] == '.' || b.p[b.n - 1] == '-'))
		b.n--;
	return b.n ? xstrndup(b.p, b.n) : NULL;
}

/* A tool's version is an image. a: the image; b: the key of `with` that holds the version. */
static void map_setup(struct importer *im, const struct yaml_node *step,
		      const struct yaml_node *with, const struct action *a)
{
	const struct yaml_node *version = given(with, a->b), *uses = yaml_get(step, "uses");
	struct job_def *job = importer_job(im);
	AUTO(freep) char *tag = NULL;

	tool_cache(im, with);
	if (version && github_has_hole(version->text)) {
		tag = github_text(im, version, version->text, false);
	} else if (version) {
		tag = tag_of(version->text);
	}
	if (!version)
		lost(im, uses, "name the version in container", "%s of no version, or of a file's",
		     a->a);
	AUTO(freep) char *image = tag ? xasprintf("%s:%s", a->a, tag) : xstrdup(a->a);
	if (!job->container) {
		job->container = xstrdup(image);
		return;
	}
	if (str_starts(str_of(job->container), a->a))
		return;
	lost(im, uses, "a job sees one image: name one that holds both, or make two jobs",
	     "%s beside %s", image, job->container);
}

static void map_rust(struct importer *im, const struct yaml_node *step,
		     const struct yaml_node *with, const struct action *a)
{
	struct job_def *job = importer_job(im);
	const struct yaml_node *version = given(with, "toolchain");
	AUTO(freep) char *tag = version ? tag_of(version->text) : NULL;

	(void)step;
	if (!job->container)
		job->container = tag ? xasprintf("%s:%s", a->a, tag) : xstrdup(a->a);
}

static void map_pnpm(struct importer *im, const struct yaml_node *step,
		     const struct yaml_node *with, const struct action *a)
{
	(void)step;
	(void)with;
	vec_push(&importer_job(im)->steps,
		 ((struct step_def){.name = xstrdup(a->a), .run = xstrdup(a->b)}));
}

/* hashFiles('a', 'b') -> its globs. */
static void hashed_files(struct str text, texts *ret)
{
	const char *p = text.n ? memmem(text.p, text.n, "hashFiles(", 10) : NULL;
	struct str rest = p ? (struct str){p, text.n - (size_t)(p - text.p)} : STR("");

	while (rest.n) {
		struct str piece;
		const char *from = memchr(rest.p, '\'', rest.n);
		const char *end = memchr(rest.p, ')', rest.n);
		if (!from || (end && end < from))
			return;
		rest = (struct str){from + 1, rest.n - (size_t)(from + 1 - rest.p)};
		const char *to = memchr(rest.p, '\'', rest.n);
		if (!to)
			return;
		piece = (struct str){rest.p, (size_t)(to - rest.p)};
		AUTO(freep) char *glob = xstrndup(piece.p, piece.n);
		draft_text(ret, glob);
		rest = (struct str){to + 1, rest.n - (size_t)(to + 1 - rest.p)};
	}
}

static void map_cache(struct importer *im, const struct yaml_node *step,
		      const struct yaml_node *with, const struct action *a)
{
	const struct yaml_node *path = given(with, "path"), *key = given(with, "key");
	struct job_def *job = importer_job(im);
	struct cache_def cache = {0};
	struct str rest = path ? path->text : (struct str){NULL, 0};

	(void)a;
	while (path && rest.p) {
		struct str line = str_trim(str_cut(&rest, '\n'));
		char *here = NULL;
		if (!line.n)
			continue;
		if (!github_has_hole(line) && cache_folder(job, line, &here)) {
			draft_text(&cache.paths, here);
			xfree(here);
		} else {
			lost(im, path,
			     "keep folders inside the unit's folder, and tell the tool where by env",
			     "cache of %.*s", (int)MIN_OF(line.n, 100), line.p);
		}
	}
	if (key)
		hashed_files(key->text, &cache.key);
	if (!path)
		lost(im, step, "write cache: [{key: [...], paths: [...]}]",
		     "a cache without a path");
	if (!cache.key.n)
		draft_text(&cache.key, "**/*lock*");
	if (cache.paths.n) {
		vec_push(&job->caches, cache);
		return;
	}
	vec_each(k, &cache.key)
		xfree(*k);
	vec_done(&cache.key);
}

/* Paths as globs of outputs: a folder is all that is in it. */
static void map_upload(struct importer *im, const struct yaml_node *step,
		       const struct yaml_node *with, const struct action *a)
{
	const struct yaml_node *path = given(with, "path");
	struct str rest = path ? path->text : (struct str){NULL, 0};

	(void)a;
	if (!path)
		lost(im, step, "name them under outputs", "an upload without a path");
	while (path && rest.p) {
		struct str line = str_trim(str_cut(&rest, '\n'));
		bool folder = line.n && line.p[line.n - 1] == '/';
		if (str_starts(line, "./"))
			line = (struct str){line.p + 2, line.n - 2};
		while (line.n && line.p[line.n - 1] == '/')
			line.n--;
		if (!line.n && !folder)
			continue;
		bool wild = memchr(line.p, '*', line.n) != NULL;
		const char *last = line.p;
		for (size_t i = 0; i < line.n; i++)
			last = line.p[i] == '/' ? line.p + i + 1 : last;
		bool file = memchr(last, '.', line.n - (size_t)(last - line.p)) != NULL;
		AUTO(freep)
		char *glob = xasprintf("%.*s%s", (int)line.n, line.p,
				       folder || (!wild && !file) ? "/**" : "");
		if (github_has_hole(line) || !line.n || strchr("/~!.", line.p[0]) ||
		    glob_check(str_of(glob), NULL) != RC_OK)
			lost(im, path, "outputs are globs inside the unit's folder",
			     "upload of %.*s", (int)MIN_OF(line.n, 100), line.p);
		else
			draft_text(&importer_job(im)->outputs, glob);
	}
}

static void map_download(struct importer *im, const struct yaml_node *step,
			 const struct yaml_node *with, const struct action *a)
{
	const struct yaml_node *path = given(with, "path");

	(void)a;
	if (!importer_job(im)->needs.n)
		lost(im, step, "name the job that makes them under needs",
		     "a download of artifacts");
	if (path && !str_is(path->text, "."))
		lost(im, path, "outputs of a need lie where that job made them: look there",
		     "path: %.*s", (int)MIN_OF(path->text.n, 80), path->text.p);
}

/* A report. a: the key of `with`; b: which of ours. */
static void map_report(struct importer *im, const struct yaml_node *step,
		       const struct yaml_node *with, const struct action *a)
{
	const struct yaml_node *path = given(with, a->a);
	struct reports_def *r = &importer_job(im)->reports;
	char **to = streq(a->b, "junit")   ? &r->junit
		    : streq(a->b, "sarif") ? &r->sarif
					   : &r->coverage;

	if (!path && streq(a->b, "coverage"))
		path = given(with, "file");
	struct str first = path ? str_trim(path->text) : (struct str){NULL, 0};
	if (str_starts(first, "./"))
		first = (struct str){first.p + 2, first.n - 2};
	if (!first.n || github_has_hole(first) || memchr(first.p, '\n', first.n) ||
	    memchr(first.p, ',', first.n) || glob_check(first, NULL) != RC_OK) {
		lost(im, path ? path : step, "write a glob under reports", "the files of %s",
		     a->name);
		return;
	}
	xfree(*to);
	*to = xstrndup(first.p, first.n);
}

/* No counterpart; a says what to do. */
static void map_nothing(struct importer *im, const struct yaml_node *step,
			const struct yaml_node *with, const struct action *a)
{
	(void)with;
	lost(im, yaml_get(step, "uses"), a->a, "uses: %s", a->name);
}

static void map_checkout(struct importer *im, const struct yaml_node *step,
			 const struct yaml_node *with, const struct action *a)
{
	static const struct {
		const char *key, *instead;
	} known[] = {
		{"repository", "name it as another repository of the project"},
		{"submodules", "put the submodule into the repository, or fetch it in a step"},
		{"lfs", "fetch large files in a step"},
		{"path", "the repository lies in the folder that the job starts in"},
		{"ref", "a run is of one commit"},
		{"fetch-depth",
		 "a job sees the files of its commit, no history: what a change touches is built in"}};

	(void)step;
	(void)a;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		const struct yaml_node *n = given(with, known[i].key);
		if (n && !str_is(n->text, "false") && !(i == 5 && str_is(n->text, "1")))
			lost(im, n, known[i].instead, "checkout with %s", known[i].key);
	}
}

#define SCAN  "write a job with the scanner's own command, and reports: {sarif: FILE}"
#define IMAGE "an image job packs it: image: {from: scratch, copy: {...}}"
#define CLOUD "give the job a secret, and call the tool in a step"
#define PATHS "what a change touches is built in: if: changed('services/api/**'), or units"
static const struct action actions[] = {
	{"actions/checkout", map_checkout, NULL, NULL},
	{"actions/setup-node", map_setup, "node", "node-version"},
	{"actions/setup-python", map_setup, "python", "python-version"},
	{"actions/setup-go", map_setup, "golang", "go-version"},
	{"actions/setup-java", map_setup, "eclipse-temurin", "java-version"},
	{"actions/setup-dotnet", map_setup, "mcr.microsoft.com/dotnet/sdk", "dotnet-version"},
	{"ruby/setup-ruby", map_setup, "ruby", "ruby-version"},
	{"shivammathur/setup-php", map_setup, "php", "php-version"},
	{"denoland/setup-deno", map_setup, "denoland/deno", "deno-version"},
	{"oven-sh/setup-bun", map_setup, "oven/bun", "bun-version"},
	{"erlef/setup-beam", map_setup, "elixir", "elixir-version"},
	{"dtolnay/rust-toolchain", map_rust, "rust", NULL},
	{"actions-rs/toolchain", map_rust, "rust", NULL},
	{"actions-rust-lang/setup-rust-toolchain", map_rust, "rust", NULL},
	{"Swatinem/rust-cache", NULL, NULL, NULL},
	{"pnpm/action-setup", map_pnpm, "pnpm", "corepack enable"},
	{"astral-sh/setup-uv", map_pnpm, "uv", "pip install --user uv"},
	{"actions/cache", map_cache, NULL, NULL},
	{"actions/cache/restore", map_cache, NULL, NULL},
	{"actions/cache/save", NULL, NULL, NULL},
	{"actions/upload-artifact", map_upload, NULL, NULL},
	{"actions/download-artifact", map_download, NULL, NULL},
	{"github/codeql-action/upload-sarif", map_report, "sarif_file", "sarif"},
	{"github/codeql-action/init", map_nothing, SCAN, NULL},
	{"github/codeql-action/analyze", map_nothing, SCAN, NULL},
	{"github/codeql-action/autobuild", map_nothing, SCAN, NULL},
	{"aquasecurity/trivy-action", map_nothing, SCAN, NULL},
	{"codecov/codecov-action", map_report, "files", "coverage"},
	{"dorny/test-reporter", map_report, "path", "junit"},
	{"mikepenz/action-junit-report", map_report, "report_paths", "junit"},
	{"EnricoMi/publish-unit-test-result-action", map_report, "files", "junit"},
	{"docker/setup-buildx-action", NULL, NULL, NULL},
	{"docker/setup-qemu-action", map_nothing, IMAGE, NULL},
	{"docker/login-action", map_nothing, IMAGE, NULL},
	{"docker/metadata-action", map_nothing, IMAGE, NULL},
	{"docker/build-push-action", map_nothing, IMAGE, NULL},
	{"aws-actions/configure-aws-credentials", map_nothing, CLOUD, NULL},
	{"google-github-actions/auth", map_nothing, CLOUD, NULL},
	{"azure/login", map_nothing, CLOUD, NULL},
	{"dorny/paths-filter", map_nothing, PATHS, NULL},
	{"tj-actions/changed-files", map_nothing, PATHS, NULL},
	{"actions/github-script", map_nothing,
	 "call the host's interface in a step, with a token as a secret", NULL},
	{"mxschmitt/action-tmate", map_nothing,
	 "penstock shell RUN JOB opens the sandbox of a failed job", NULL},
};

void github_uses(struct importer *im, const struct yaml_node *step)
{
	const struct yaml_node *uses = yaml_get(step, "uses"), *with = yaml_get(step, "with");
	struct str rest = uses->text;
	struct str name = str_cut(&rest, '@');

	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		if (!str_is(name, actions[i].name))
			continue;
		if (actions[i].map)
			actions[i].map(im, step, with, &actions[i]);
		return;
	}
	const char *instead = str_starts(name, "./") ? "write its steps here as run:"
			      : str_starts(name, "docker://")
				      ? "a job sees one image: name it as container"
				      : "write what it does as a run: step";
	lost(im, uses, instead, "uses: %.*s", (int)MIN_OF(uses->text.n, 120), uses->text.p);
}
