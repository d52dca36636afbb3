/* What both importers do alike. */
#include "dialect/import_impl.h"

struct job_def *importer_job(struct importer *im)
{
	BUG_ON(im->job >= im->d->c.jobs.n);
	return &im->d->c.jobs.v[im->job];
}

void lost(struct importer *im, const struct yaml_node *at, const char *instead, const char *fmt,
	  ...)
{
	AUTO(strbuf_done) struct strbuf what = STRBUF(512);
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&what, fmt, ap);
	va_end(ap);
	remark_add(&im->d->remarks,
		   (struct remark){.file = (char *)(uintptr_t)im->file,
				   .line = at ? at->line : 0,
				   .job = im->job,
				   .step = im->step},
		   strbuf_failed(&what) ? "a long text" : strbuf_cstr(&what), instead);
}

bool node_is_text(const struct yaml_node *n)
{
	return n && n->kind == YAML_SCALAR;
}

bool node_is_true(const struct yaml_node *n)
{
	return node_is_text(n) && str_is(n->text, "true");
}

char *node_dup(const struct yaml_node *n)
{
	return node_is_text(n) ? xstrndup(n->text.p, n->text.n) : xstrdup("");
}

void node_texts(struct importer *im, const struct yaml_node *n, const char *what, texts *ret)
{
	if (node_is_text(n)) {
		vec_push(ret, node_dup(n));
		return;
	}
	if (!n || n->kind != YAML_LIST)
		return;
	for (size_t i = 0; i < n->n; i++) {
		if (node_is_text(&n->items[i]))
			vec_push(ret, node_dup(&n->items[i]));
		else
			lost(im, &n->items[i], "write texts there", "%s that is no text", what);
	}
}

char *image_of(struct importer *im, const struct yaml_node *at, struct str image)
{
	if (str_ends(image, ":latest")) {
		image.n -= 7;
		lost(im, at, "name a version or a digest: a tag that moves makes no two runs alike",
		     "the tag latest of image %.*s", (int)MIN_OF(image.n, 100), image.p);
	}
	return xstrndup(image.p, image.n);
}

char *service_name(struct str image)
{
	for (size_t i = image.n; i-- > 0;)
		if (image.p[i] == '/') {
			image = (struct str){image.p + i + 1, image.n - i - 1};
			break;
		}
	struct str rest = image;
	struct str name = str_cut(&rest, ':');
	return draft_slug(name, "service");
}

uint32_t service_port(const char *image)
{
	static const struct {
		const char *name;
		uint32_t port;
	} known[] = {{"postgres", 5432},      {"postgis", 5432},  {"mysql", 3306},
		     {"mariadb", 3306},       {"redis", 6379},    {"valkey", 6379},
		     {"mongo", 27017},        {"rabbitmq", 5672}, {"nginx", 80},
		     {"memcached", 11211},    {"kafka", 9092},    {"minio", 9000},
		     {"elasticsearch", 9200}, {"docker", 2375},   {"localstack", 4566}};
	AUTO(freep) char *name = service_name(str_of(image));

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (streq(name, known[i].name))
			return known[i].port;
	return 0;
}

bool needs_bash(struct str script)
{
	static const char *const signs[] = {"[[",       "pipefail", "<(",    "&>",   "$'",
					    "<<<",      "=(",       "shopt", "${!",  "mapfile",
					    "declare ", "^^}",      ",,}",   "BASH_"};
	AUTO(freep) char *text = xstrndup(script.p ? script.p : "", script.n);

	for (size_t i = 0; i < ARRAY_LEN(signs); i++)
		if (strstr(text, signs[i]))
			return true;
	return str_starts(script, "source ") || strstr(text, "\nsource ");
}

char *in_shell(const char *shell, const char *script)
{
	AUTO(strbuf_done) struct strbuf b = STRBUF((size_t)4 << 20);

	strbuf_addf(&b, "%s '", shell);
	for (const char *p = script; *p; p++) {
		if (*p == '\'')
			strbuf_adds(&b, "'\\''");
		else
			strbuf_addc(&b, *p);
	}
	while (b.n && b.p[b.n - 1] == '\n')
		b.n--;
	strbuf_addc(&b, '\'');
	return strbuf_take(&b);
}

void job_condition_add(struct job_def *job, const char *condition)
{
	char *both = job->condition ? xasprintf("(%s) && (%s)", job->condition, condition)
				    : xstrdup(condition);

	xfree(job->condition);
	job->condition = both;
}

bool cache_folder(struct job_def *job, struct str path, char **ret)
{
	static const struct {
		const char *home, *here, *variable;
	} known[] = {
		{"~/.npm", ".npm-cache", "npm_config_cache"},
		{"~/.cache/yarn", ".yarn-cache", "YARN_CACHE_FOLDER"},
		{"~/.pnpm-store", ".pnpm-store", "npm_config_store_dir"},
		{"~/.local/share/pnpm/store", ".pnpm-store", "npm_config_store_dir"},
		{"~/.cache/pip", ".pip-cache", "PIP_CACHE_DIR"},
		{"~/.cache/uv", ".uv-cache", "UV_CACHE_DIR"},
		{"~/.cache/pypoetry", ".poetry-cache", "POETRY_CACHE_DIR"},
		{"~/go/pkg/mod", ".go-mod", "GOMODCACHE"},
		{"~/.cache/go-build", ".go-build", "GOCACHE"},
		{"~/.m2/repository", ".m2", "MAVEN_ARGS"},
		{"~/.m2", ".m2", "MAVEN_ARGS"},
		{"~/.gradle/caches", ".gradle-home", "GRADLE_USER_HOME"},
		{"~/.gradle/wrapper", ".gradle-home", "GRADLE_USER_HOME"},
		{"~/.cargo/registry", ".cargo-home", "CARGO_HOME"},
		{"~/.cargo/git", ".cargo-home", "CARGO_HOME"},
		{"~/.cargo", ".cargo-home", "CARGO_HOME"},
		{"~/.ccache", ".ccache", "CCACHE_DIR"},
		{"~/.composer/cache", ".composer-cache", "COMPOSER_CACHE_DIR"},
	};

	while (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	if (str_starts(path, "./"))
		path = (struct str){path.p + 2, path.n - 2};
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (!str_is(path, known[i].home))
			continue;
		AUTO(freep)
		char *value = xasprintf(
			"%s%s", streq(known[i].variable, "MAVEN_ARGS") ? "-Dmaven.repo.local=" : "",
			known[i].here);
		draft_pair(&job->env, known[i].variable, value);
		*ret = xstrdup(known[i].here);
		return true;
	}
	bool inside = path.n && path.p[0] != '/' && path.p[0] != '~' && path.p[0] != '$' &&
		      path.p[0] != '!' && !memchr(path.p, '*', path.n) && !str_starts(path, "..");
	if (inside)
		*ret = xstrndup(path.p, path.n);
	return inside;
}

bool job_has_axis(const struct job_def *job, const char *axis)
{
	vec_each(a, &job->matrix.axes)
		if (streq(a->name, axis))
			return true;
	vec_each(row, &job->matrix.include)
		vec_each(p, &row->v)
			if (streq(p->key, axis))
				return true;
	return false;
}

bool is_matrix_value(struct str s)
{
	bool ok = s.n > 0 && s.n <= 64 && s.p[0] != '.';

	for (size_t i = 0; ok && i < s.n; i++)
		ok = (s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
		     (s.p[i] >= '0' && s.p[i] <= '9') || strchr("._-", s.p[i]);
	return ok;
}
