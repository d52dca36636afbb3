/* The daemon: a data folder, a loop, the engine, the API, and the branches that are watched. */
#include "main/id_tokens.h"
#include "main/serve.h"
#include "api/api.h"
#include "api/identity.h"
#include "api/cache.h"
#include "api/ui.h"
#include "api/wire.h"
#include "base/log.h"
#include "clients/oidc.h"
#include "flow/1-source/adapters.h"
#include "flow/2-build/adapters.h"
#include "flow/5-deploy/adapters_deploy.h"
#include "io/child.h"
#include "io/clock.h"
#include "io/files.h"
#include "main/agents.h"
#include "main/archiving.h"
#include "main/face.h"
#include "main/house.h"
#include "main/local_doctor.h"
#include "main/settings.h"
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define SOURCES_MAX 65536

struct source {
	char *name, *path;
};
struct daemon {
	struct loop *loop;
	struct house *house;
	struct engine *engine;
	struct api *api;
	struct httpd *httpd;
	struct tool_cache *tools;
	struct cache_service *caches;
	struct workload *workload;
	struct oidc *oidc;
	struct archiving *archiving;
	char *tool_cache;
	VEC(struct source) sources;
	char *data, *socket;
	const struct serve_options *options;
};

static usec_t now(void)
{
	return clock_wall();
}

static int fail(const struct err *err, const char *what)
{
	fprintf(stderr, "penstock: %s: %s\n", what, err->msg);
	return err->rc == RC_INVALID ? 2 : 3;
}

/* ---- which repositories ---- */

static enum rc add_source(struct daemon *d, struct str text, struct err *err)
{
	AUTO(freep) char *copy = xstrndup(text.p, text.n);
	char *equals = strchr(copy, '='), real[PATH_MAX];
	const char *path = equals ? equals + 1 : copy;
	char *name;

	if (equals)
		*equals = '\0';
	if (!realpath(path, real))
		return err_errno(err, errno, "repository %s", path);
	if (equals) {
		name = xstrdup(copy);
	} else {
		const char *base = strrchr(real, '/') + 1;
		struct str n = str_of(base);

		if (str_ends(n, ".git") && n.n > 4)
			n.n -= 4;
		name = xstrndup(n.p, n.n);
	}
	vec_push(&d->sources, ((struct source){name, xstrdup(real)}));
	return RC_OK;
}

/* Nobody named one: the repositories of the last start, or a bare one of our own to push to. */
static enum rc default_sources(struct daemon *d, const char *list, struct err *err)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(SOURCES_MAX);

	if (file_exists(list)) {
		enum rc rc = file_read(list, SOURCES_MAX, &text, err);
		struct str rest = strbuf_str(&text);

		while (rc == RC_OK && rest.p) {
			struct str line = str_trim(str_cut(&rest, '\n'));

			if (line.n)
				rc = add_source(d, line, err);
		}
		return rc;
	}
	AUTO(freep) char *path = xasprintf("%s/git/project.git", d->data);
	const char *argv[] = {"git", "init", "--quiet", "--bare", "--initial-branch=main",
			      path,  NULL};
	struct child_run run = {.spec = {.argv = argv, .fds = {-1, -1, -1, -1}},
				.timeout = 10 * USEC_SEC};
	int code = 0;
	enum rc rc = child_capture(&run, &text, NULL, &code, err);
	if (rc == RC_OK && code)
		rc = err_set(err, RC_UNSUPPORTED, "git init %s: %s", path, strbuf_cstr(&text));
	return rc == RC_OK ? add_source(d, str_of(path), err) : rc;
}

static enum rc choose_sources(struct daemon *d, const struct serve_options *o, struct err *err)
{
	AUTO(freep) char *list = xasprintf("%s/sources", d->data);
	AUTO(strbuf_done) struct strbuf text = STRBUF(SOURCES_MAX);
	enum rc rc = RC_OK;

	if (!o->repos.n)
		rc = default_sources(d, list, err);
	for (size_t i = 0; rc == RC_OK && i < o->repos.n; i++)
		rc = add_source(d, str_of(o->repos.v[i]), err);
	for (size_t i = 0; rc == RC_OK && i < d->sources.n; i++) {
		rc = house_add_source(d->house, d->sources.v[i].name, d->sources.v[i].path, err);
		strbuf_addf(&text, "%s=%s\n", d->sources.v[i].name, d->sources.v[i].path);
	}
	return rc == RC_OK ? file_write(list, strbuf_str(&text), 0600, err) : rc;
}

/* A push tells us at once; where no hook can be, the watch sees it. */
static void install_hooks(struct daemon *d)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = '\0';
	vec_each(s, &d->sources) {
		struct err err = {0};

		if (scm_install_hook(s->path, d->socket, self, &err) != RC_OK)
			LOG(LOG_WARN, "no hook: pushes are seen by watching the files",
			    LF("repo", s->name), LF("reason", err.msg));
	}
}

static char *archive_of(void *ctx, uint64_t seq)
{
	return archiving_name_of(((struct daemon *)ctx)->data, seq);
}

static const char *address_of(void *ctx, const char *source)
{
	vec_each(s, &((struct daemon *)ctx)->sources)
		if (streq(s->name, source))
			return s->path;
	return NULL;
}

static const char *source_of(void *ctx, const char *path)
{
	struct daemon *d = ctx;
	char real[PATH_MAX];
	const char *found = realpath(path, real) ? real : path;

	vec_each(s, &d->sources)
		if (streq(s->path, found) || streq(s->name, path))
			return s->name;
	return NULL;
}

/* ---- the loop's callbacks ---- */

static void quit(void *arg)
{
	struct daemon *d = arg;

	LOG(LOG_INFO, "stopping; services and jobs go on without the daemon");
	engine_stop(d->engine);
	loop_stop(d->loop);
}

/* SIGHUP */
static void reload(void *arg)
{
	struct daemon *d = arg;

	httpd_reload(d->httpd);
}

static void moved(void *ctx, const struct watch_move *m)
{
	struct daemon *d = ctx;

	engine_source_changed(d->engine, m->repo);
}

static void look_at_refs(void *arg)
{
	struct daemon *d = arg;
	struct err err = {0};

	if (watch_poll(d->house->watch, moved, d, &err) != RC_OK)
		LOG(LOG_WARN, "a repository cannot be watched", LF("error", err.msg));
}

static void sweep(void *arg)
{
	exec_sandbox_sweep(((struct daemon *)arg)->house->local);
}

/* Folders of failed jobs go when their time is over. */
static void each_minute(void *arg)
{
	struct daemon *d = arg;

	loop_work(d->loop, "kept", sweep, NULL, d);
	loop_at(d->loop, loop_now(d->loop) + USEC_MIN, each_minute, d);
}

static void each_second(void *arg)
{
	struct daemon *d = arg;

	look_at_refs(d);
	loop_at(d->loop, loop_now(d->loop) + USEC_SEC, each_second, d);
}

/* ---- start and end ---- */

/* The default of 1,024 descriptors may be too few: each reader of events has one. */
static void raise_limits(const struct serve_options *o)
{
	rlim_t wanted = face_descriptors(o);
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_cur >= wanted)
		return;
	r.rlim_cur = MIN_OF(r.rlim_max, wanted);
	if (setrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur < wanted)
		LOG(LOG_WARN, "few file descriptors: raise the hard limit, or lower --streams-max",
		    LFN("limit", (int64_t)r.rlim_cur), LFN("wanted", (int64_t)wanted));
}

static enum rc open_engine(struct daemon *d, const struct serve_options *o, struct err *err)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN), pages = sysconf(_SC_PHYS_PAGES);
	struct engine_options eo = {
		.slots = o->slots ? o->slots : (uint32_t)MAX_OF(cores, 2L),
		.memory = pages > 0 ? (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0,
		.version = PENSTOCK_VERSION};

	return engine_new(&d->house->world, &eo, &d->engine, err);
}

/* Jobs that may use the network are told where the caches are, and bring a token of their change's scope. */
static void open_job_tokens(struct daemon *d, const struct serve_options *o)
{
	struct world *w = engine_world(d->engine);

	d->tool_cache = face_local_url(o, d->httpd);
	w->tool_cache = d->tool_cache;
	w->cache_token = api_job_token;
	w->cache_ctx = d->api;
}

/* Jobs can show others who they are. Without a port there is no place where our keys could be read, unless --public-url names one. */
static enum rc open_workload(struct daemon *d, const struct serve_options *o, struct err *err)
{
	struct world *w = engine_world(d->engine);
	AUTO(freep) char *keys = xasprintf("%s/keys", d->data);
	AUTO(freep) char *here = face_url(o);

	if (!o->public_url && !o->port)
		return RC_OK;
	enum rc rc = workload_new(keys, o->public_url ? o->public_url : here, &d->workload, err);
	if (rc != RC_OK)
		return err_wrap(err, "--public-url");
	w->id_token = id_token_of;
	w->id_ctx = d->workload;
	return RC_OK;
}

static enum rc open_caches(struct daemon *d, const struct serve_options *o, struct err *err)
{
	AUTO(freep) char *dir = xasprintf("%s/tools", d->data);

	d->tools = tool_cache_disk_new(dir, o->cache_max ? o->cache_max : SERVE_CACHE_MAX, err);
	if (!d->tools)
		return err_wrap(err, "the build tools' cache");
	d->caches = cache_service_new(d->loop, d->tools);
	cache_service_listen(d->caches, &(struct cache_listener){api_denied, api_pruned, d->api});
	httpd_add_taker(d->httpd, cache_take, d->caches);
	if (o->port)
		open_job_tokens(d, o);
	return RC_OK;
}

/* What `penstock doctor` looks at, for GET doctor. */
static void look_at_machine(void *ctx,
			    void (*each)(void *to, const char *check, const char *state,
					 const char *says, const char *fix),
			    void *to)
{
	static const char *const states[] = {
		[HEALTH_OK] = "ok", [HEALTH_WARN] = "warning", [HEALTH_MISSING] = "missing"};
	const struct daemon *d = ctx;

	for (unsigned i = 0; i < n_doctor_checks; i++) {
		struct finding f = {0};

		doctor_checks[i].look(d->data, &f);
		each(to, doctor_checks[i].name, states[f.health], f.says, f.fix);
	}
}

/* Where others find us: no slash at its end; the caller's. */
static char *public_url(const struct serve_options *o)
{
	struct str url = str_of(o->public_url);

	while (str_ends(url, "/"))
		url.n--;
	return url.n ? xstrndup(url.p, url.n) : face_url(o);
}

static enum rc open_oidc(struct daemon *d, const struct serve_options *o, struct err *err)
{
	AUTO(freep) char *base = public_url(o);
	AUTO(freep) char *back = xasprintf("%s" WIRE_LOGIN "/oidc/callback", base);
	AUTO(strbuf_done) struct strbuf secret = STRBUF(4096);
	struct oidc_options oo = {.issuer = o->oidc_issuer,
				  .client_id = o->oidc_client,
				  .redirect_uri = back,
				  .scopes = o->oidc_scopes,
				  .groups_claim = o->oidc_groups};
	enum rc rc = RC_OK;

	if (!o->oidc_issuer)
		return RC_OK;
	if (!o->oidc_client)
		return err_set(err, RC_INVALID, "--oidc-issuer needs --oidc-client, too");
	if (o->oidc_secret) {
		AUTO(freep) char *path = xasprintf("%s/secrets/%s", d->data, o->oidc_secret);

		rc = file_read(path, 4096, &secret, err);
		while (secret.n && secret.p[secret.n - 1] == '\n')
			secret.n--;
		oo.client_secret = strbuf_cstr(&secret);
	}
	if (rc == RC_OK)
		rc = oidc_new(&oo, &d->oidc, err);
	if (secret.n)
		mem_wipe(secret.p, secret.n);
	return rc == RC_OK ? RC_OK : err_wrap(err, "the OpenID provider");
}

static void tell_settings(void *ctx,
			  void (*add)(void *to, const char *name, const char *value,
				      const char *help),
			  void *to)
{
	const struct daemon *d = ctx;

	settings_tell(d->options, d->data, add, to);
}

static enum rc open_api(struct daemon *d, const struct serve_options *o, struct err *err)
{
	AUTO(freep) char *archives = xasprintf("%s/archive", d->data);
	struct api_options ao = {.engine = d->engine,
				 .version = PENSTOCK_VERSION,
				 .source_of = source_of,
				 .address_of = address_of,
				 .doctor = look_at_machine,
				 .archive_of = archive_of,
				 .archives = archives,
				 .base = o->public_url,
				 .settings = tell_settings,
				 .ctx = d,
				 .oidc = d->oidc,
				 .oidc_name = o->oidc_name,
				 .workload = d->workload};
	AUTO(face_done) struct face face = {0};
	struct httpd_options ho = {.socket = d->socket};
	enum rc rc = face_options(&face, o, d->data, &ho, err);

	if (rc != RC_OK)
		return rc;

	d->api = api_new(&ao);
	ho.unlimited = "/assets/"; /* who is not known yet loads the sign-in, too */
	ho.identify = api_identify;
	ho.handle = api_handle;
	ho.identify_ctx = ho.ctx = d->api;
	rc = httpd_new(d->loop, &ho, &d->httpd, err);
	if (rc == RC_OK)
		face_remember(&face, d->httpd);
	if (rc == RC_OK)
		api_behind(d->api, d->httpd);
	if (rc == RC_OK)
		agents_open(d->house->hub, d->engine, d->api, d->httpd);
	if (rc == RC_OK)
		httpd_add_taker(d->httpd, ui_take, NULL);
	return rc == RC_OK ? open_caches(d, o, err) : rc;
}

static enum rc open_all(struct daemon *d, const struct serve_options *o, struct err *err)
{
	struct house_options ho = {.data = d->data,
				   .door_base = o->door_base,
				   .replica_base = o->replica_base,
				   .processes = o->processes,
				   .containers = o->containers,
				   .keep_failed = o->keep_failed,
				   .keep_max = o->keep_max};
	enum rc rc = loop_new(&d->loop, err);

	if (rc == RC_OK)
		rc = house_open(&ho, d->loop, &d->house, err);
	if (rc == RC_OK)
		rc = choose_sources(d, o, err);
	if (rc == RC_OK)
		rc = open_engine(d, o, err);
	if (rc == RC_OK)
		rc = open_workload(d, o, err);
	if (rc == RC_OK)
		rc = open_oidc(d, o, err);
	return rc == RC_OK ? open_api(d, o, err) : rc;
}

static void close_all(struct daemon *d)
{
	httpd_free(d->httpd);
	loop_free(d->loop);
	archiving_free(d->archiving);
	cache_service_free(d->caches);
	workload_free(d->workload);
	oidc_free(d->oidc);
	xfree(d->tool_cache);
	tool_cache_free(d->tools);
	api_free(d->api);
	engine_free(d->engine);
	house_close(d->house);
	vec_each(s, &d->sources) {
		xfree(s->name);
		xfree(s->path);
	}
	vec_done(&d->sources);
	xfree(d->data);
	xfree(d->socket);
}

static enum rc find_data(struct daemon *d, const char *data, struct err *err)
{
	AUTO(freep) char *wanted = data ? xstrdup(data) : default_data();
	char real[PATH_MAX];
	enum rc rc = dir_make(wanted, 0700, err);

	if (rc != RC_OK)
		return rc;
	if (!realpath(wanted, real))
		return err_errno(err, errno, "data folder %s", wanted);
	d->data = xstrdup(real);
	d->socket = xasprintf("%s/penstock.sock", real);
	return RC_OK;
}

static void say_ready(const struct daemon *d)
{
	printf("Penstock %s serves %s\n", PENSTOCK_VERSION, d->data);
	vec_each(s, &d->sources)
		printf("  %-16s push to it: git push %s main\n", s->name, s->path);
	printf("  see it:          penstock status --data %s\n", d->data);
	if (d->options->port) {
		AUTO(freep) char *url = face_url(d->options);
		printf("  in a browser:    %s/\n", url);
	}
	fflush(stdout);
}

/* Who is the first to come by the network: shown once, as only its hash is kept. */
static void say_first_token(struct daemon *d, const struct serve_options *o)
{
	AUTO(freep) char *url = face_url(o);
	char *token = o->port ? api_first_token(d->api) : NULL;

	if (!token)
		return;
	printf("The token of the administrator for %s (shown this once): %s\n", url, token);
	mem_wipe(token, strlen(token));
	xfree(token);
}

int serve(const struct serve_options *o)
{
	struct daemon d = {.options = o};
	struct err err = {0};

	log_open(STDERR_FILENO, o->json_log || !isatty(STDERR_FILENO),
		 o->verbose ? LOG_DEBUG : LOG_INFO);
	log_clock(now);
	signal(SIGPIPE, SIG_IGN);
	raise_limits(o);
	if (!o->core_dumps)
		house_no_core_dumps();
	if (find_data(&d, o->data, &err) != RC_OK || open_all(&d, o, &err) != RC_OK) {
		int code = fail(&err, "serve");

		close_all(&d);
		return code;
	}
	loop_signal(d.loop, SIGTERM, quit, &d);
	loop_signal(d.loop, SIGINT, quit, &d);
	loop_signal(d.loop, SIGHUP, reload, &d);
	loop_watch(d.loop, watch_fd(d.house->watch), look_at_refs, &d);
	engine_start(d.engine);
	say_first_token(&d, o);
	d.archiving = archiving_start(d.loop, d.house->world.store, d.api, d.data, o->journal_keep);
	install_hooks(&d);
	each_second(&d);
	each_minute(&d);
	say_ready(&d);
	loop_run(d.loop);
	close_all(&d);
	return 0;
}

/* ---- stop everything that lives without the daemon ---- */

struct sets {
	texts environments, units, images;
};

static void note_set(void *ctx, const struct replica *r)
{
	struct sets *s = ctx;

	for (size_t i = 0; i < s->images.n; i++)
		if (streq(s->environments.v[i], r->environment) && streq(s->units.v[i], r->unit) &&
		    streq(s->images.v[i], r->image))
			return;
	vec_push(&s->environments, xstrdup(r->environment));
	vec_push(&s->units, xstrdup(r->unit));
	vec_push(&s->images, xstrdup(r->image));
}

int serve_stop_all(const char *data)
{
	struct daemon d = {0};
	struct err err = {0};
	struct sets sets = {0};
	enum rc rc = find_data(&d, data, &err);
	struct house_options ho = {.data = d.data};

	if (rc == RC_OK)
		rc = loop_new(&d.loop, &err);
	if (rc == RC_OK)
		rc = house_open(&ho, d.loop, &d.house, &err);
	if (rc == RC_CONFLICT)
		err_wrap(&err, "end the daemon first (Ctrl-C where it runs, or SIGTERM)");
	if (rc == RC_OK)
		rc = runtime_poll(d.house->world.runtime, note_set, &sets, &err);
	if (rc == RC_OK)
		rc = route_haproxy_stop(d.house->world.route, &err);
	for (size_t i = 0; i < sets.images.n; i++) {
		struct err one = {0};

		if (runtime_stop(d.house->world.runtime, sets.environments.v[i], sets.units.v[i],
				 sets.images.v[i], &one) != RC_OK) {
			rc = one.rc;
			err = one;
		}
		xfree(sets.environments.v[i]);
		xfree(sets.units.v[i]);
		xfree(sets.images.v[i]);
	}
	vec_done(&sets.environments);
	vec_done(&sets.units);
	vec_done(&sets.images);
	close_all(&d);
	return rc == RC_OK ? 0 : fail(&err, "stop");
}
