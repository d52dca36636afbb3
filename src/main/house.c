#include "main/house.h"
#include "main/local.h"
#include "base/log.h"
#include "clients/git.h"
#include "clients/manifest.h"
#include "engine/runner_loop.h"
#include "flow/1-source/adapters.h"
#include "flow/2-agent/adapters.h"
#include "flow/2-build/adapters.h"
#include "flow/3-artifact/adapters.h"
#include "flow/4-verify/adapters.h"
#include "flow/5-deploy/adapters_deploy.h"
#include "flow/5-deploy/desired_adapters.h"

#include "io/files.h"
#include "main/notify_all.h"
#include "main/zone.h"
#include "secrets/adapters.h"
#include "store/adapters.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

const char *toolchain_text(void)
{
	static char text[256];
	AUTO(strbuf_done) struct strbuf os = STRBUF(65536);
	struct utsname uts;
	struct err err = {0};
	char id[64] = "linux", version[64] = "";

	if (*text)
		return text;
	if (file_read("/etc/os-release", 65536, &os, &err) == RC_OK) {
		struct str rest = strbuf_str(&os);

		while (rest.p) {
			struct str line = str_cut(&rest, '\n');

			if (str_starts(line, "ID="))
				snprintf(id, sizeof(id), "%.*s", (int)(line.n - 3), line.p + 3);
			if (str_starts(line, "VERSION_ID="))
				snprintf(version, sizeof(version), "%.*s", (int)(line.n - 11),
					 line.p + 11);
		}
	}
	if (uname(&uts) != 0)
		snprintf(uts.machine, sizeof(uts.machine), "unknown");
	snprintf(text, sizeof(text), "%s %s %s sandbox-1", id, version, uts.machine);
	return text;
}

char *shim_path(void)
{
	const char *given = getenv("PENSTOCK_SHIM");
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (given && *given)
		return xstrdup(given);
	self[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(self, '/');
	if (!slash)
		return xstrdup("/usr/local/bin/penstock-shim");
	*slash = '\0';
	return xasprintf("%s/penstock-shim", self);
}

char *default_data(void)
{
	const char *given = getenv("PENSTOCK_DATA"), *home = getenv("HOME");

	if (given && *given)
		return xstrdup(given);
	if (file_exists(".penstock"))
		return xstrdup(".penstock");
	if (geteuid() == 0 || !home)
		return xstrdup("/var/lib/penstock");
	return xasprintf("%s/.local/share/penstock", home);
}

char *default_cache(void)
{
	const char *given = getenv("PENSTOCK_CACHE"), *home = getenv("HOME");
	const char *xdg = getenv("XDG_CACHE_HOME");

	if (given && *given)
		return local_absolute(given);
	if (xdg && *xdg == '/')
		return xasprintf("%s/penstock", xdg);
	return home && *home ? xasprintf("%s/.cache/penstock", home)
			     : xstrdup("/var/cache/penstock");
}

/* What jobs stand in: images, and what is kept of failed ones. */
static enum rc open_containers(struct house *h, const struct house_options *o, struct err *err)
{
	h->images = image_disk_new(h->data, h->world.secret, err);
	if (!h->images)
		return err->rc;
	h->world.image = h->images;
	h->local = h->world.exec;
	exec_sandbox_keep(h->local, o->keep_failed ? o->keep_failed : USEC_DAY,
			  o->keep_max ? o->keep_max : (uint64_t)10 << 30);
	return exec_sandbox_containers(h->local, h->images, o->containers ? o->containers : "auto",
				       err);
}

static enum rc open_build(struct house *h, struct err *err)
{
	struct world *w = &h->world;

	w->blobs = blobs_disk_new(h->data, err);
	if (!w->blobs)
		return err->rc;
	w->exec = exec_sandbox_new(h->data, h->shim, err);
	if (!w->exec)
		return err->rc;
	w->pack = pack_native_new(h->data, w->blobs, err);
	if (!w->pack)
		return err->rc;
	w->secret = secret_file_new(h->data);
	w->sign = sign_local_new(h->data, w->blobs, err);
	return w->sign ? RC_OK : err->rc;
}

/* Jobs run here, or where an agent is. */
static enum rc open_agents(struct house *h, struct loop *loop, struct err *err)
{
	AUTO(freep) char *dir = xasprintf("%s/agents", h->data);
	const struct hub_options o = {.loop = loop, .blobs = h->world.blobs, .dir = dir};

	h->hub = exec_hub_new(&o, err);
	if (!h->hub)
		return err->rc;
	struct exec *both = exec_places_new(h->world.exec, h->hub, err);
	if (!both)
		h->hub = NULL;
	h->world.exec = both;
	return both ? RC_OK : err->rc;
}

static enum rc open_source(struct house *h, struct err *err)
{
	AUTO(freep) char *mirror = xasprintf("%s/mirror", h->data);
	enum rc rc = dir_make(mirror, 0700, err);

	repos_drop_stale_locks(mirror); /* the journal is locked: no other daemon is in this folder */
	if (rc == RC_OK)
		rc = scm_local_new(mirror, &h->world.scm, err);
	return rc == RC_OK ? watch_local_new(&h->watch, err) : rc;
}

static enum rc open_deploy(struct house *h, const struct house_options *o, struct err *err)
{
	AUTO(freep) char *env = xasprintf("%s/env", h->data);
	struct route_haproxy_options route = {.data = h->data, .port_base = o->door_base};
	struct runtime_local_options runtime = {.data = h->data,
						.shim = h->shim,
						.mode = o->processes ? RUNTIME_PROCESS
								     : RUNTIME_AUTO,
						.port_base = o->replica_base};
	enum rc rc = dir_make(env, 0700, err);

	repos_drop_stale_locks(env);
	if (rc == RC_OK)
		rc = desired_git_new(env, &h->world.desired, err);
	if (rc == RC_OK)
		rc = route_haproxy_new(&route, &h->world.route, err);
	if (rc == RC_OK)
		rc = runtime_local_new(&runtime, &h->world.runtime, err);
	if (rc == RC_OK)
		rc = notify_all_new(&h->world.notify, err);
	return rc;
}

static enum rc open_all(struct house *h, const struct house_options *o, struct loop *loop,
			struct err *err)
{
	AUTO(freep) char *journal = xasprintf("%s/journal.db", h->data);
	enum rc rc = dir_make(h->data, 0700, err);

	if (rc == RC_OK)
		rc = store_sqlite_open(journal, &h->world.store, err);
	if (rc == RC_OK)
		rc = open_build(h, err);
	if (rc == RC_OK)
		rc = open_containers(h, o, err);
	if (rc == RC_OK)
		rc = open_agents(h, loop, err);
	if (rc == RC_OK)
		rc = open_source(h, err);
	if (rc == RC_OK)
		rc = open_deploy(h, o, err);
	h->world.runner = runner_loop_new(loop);
	return rc;
}

enum rc house_open(const struct house_options *o, struct loop *loop, struct house **ret,
		   struct err *err)
{
	struct house *h = xcalloc(1, sizeof(*h));

	h->data = xstrdup(o->data);
	h->shim = shim_path();
	h->world.toolchain = toolchain_text();
	h->world.zone_rule = zone_rule;
	h->world.keep_outputs = manifest_collect;
	h->world.lay_outputs = manifest_layout;
	enum rc rc =
		access(h->shim, X_OK) == 0
			? open_all(h, o, loop, err)
			: err_set(err, RC_UNSUPPORTED,
				  "%s is not there; it belongs beside penstock (or set PENSTOCK_SHIM)",
				  h->shim);
	if (rc != RC_OK) {
		house_close(h);
		return rc;
	}
	*ret = h;
	return RC_OK;
}

enum rc house_add_source(struct house *h, const char *name, const char *path, struct err *err)
{
	enum rc rc = scm_local_add(h->world.scm, name, path, err);

	if (rc == RC_OK)
		rc = watch_add(h->watch, name, path, err);
	if (rc == RC_OK)
		vec_push(&h->world.sources, xstrdup(name));
	return rc;
}

void house_close(struct house *h)
{
	if (!h)
		return;
	notify_free(h->world.notify);
	runtime_free(h->world.runtime);
	route_free(h->world.route);
	desired_free(h->world.desired);
	watch_free(h->watch);
	scm_free(h->world.scm);
	sign_free(h->world.sign);
	secret_free(h->world.secret);
	pack_free(h->world.pack);
	exec_free(h->world.exec);
	image_free(h->images);
	blobs_free(h->world.blobs);
	store_free(h->world.store);
	runner_loop_free(h->world.runner);
	vec_each(s, &h->world.sources)
		xfree(*s);
	vec_done(&h->world.sources);
	xfree(h->data);
	xfree(h->shim);
	xfree(h);
}

void house_closep(struct house **h)
{
	house_close(*h);
	*h = NULL;
}

void house_no_core_dumps(void)
{
	const struct rlimit none = {0, 0};
	AUTO(fd_close) int filter = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);

	if (setrlimit(RLIMIT_CORE, &none) != 0)
		LOG(LOG_WARN, "core dumps stay possible", LF("error", strerror(errno)));
	/* The limit does not hold for a program that the kernel pipes cores to: it gets one without any memory. */
	if (filter >= 0 && write(filter, "0", 1) < 0)
		LOG(LOG_WARN, "a collector of crashes may get our memory",
		    LF("error", strerror(errno)));
}
