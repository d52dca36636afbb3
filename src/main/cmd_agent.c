/* penstock agent: this machine runs jobs of a daemon elsewhere. penstock agent token: what lets it in. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/cache_proxy.h"
#include "api/wire.h"
#include "cli/client.h"
#include "base/log.h"
#include "cli/credentials.h"
#include "flow/2-agent/adapters.h"
#include "flow/2-build/adapters.h"
#include "io/clock.h"
#include "io/files.h"
#include "main/agent_command.h"
#include "main/house.h"

#define TOKEN_MAX  ((size_t)4096)
#define NAME_MAX_  50
#define CACHE_SIZE ((uint64_t)20 << 30)

static const struct option agent_options[] = {
	{"token-file", 0, "FILE", "read the token from here (default: --token, $PENSTOCK_TOKEN)"},
	{"name", 0, "NAME", "what it is called (default: the host's name)"},
	{"labels", 0, "A,B", "what jobs may ask for by their key `agent`"},
	{"cpu", 0, "N", "how many processors jobs may use (default: all)"},
	{"memory", 0, "SIZE", "how much memory jobs may use: 8Gi (default: what the machine has)"},
	{"cache-size", 0, "SIZE",
	 "how much of sources and outputs stays here for later jobs, and as much of images (20Gi)"},
	{"containers", 0, "NAME",
	 "what runs jobs' containers: auto, runc, crun, podman, docker or bwrap (auto)"},
	{"grace", 0, "TIME", "how long jobs may go on after SIGTERM (default: to their end)"},
	{"insecure", 0, NULL, "send token, sources and secrets unencrypted to another machine"},
	{"core-dumps", 0, NULL,
	 "leave the limit of core dumps as it is: tokens and secrets stand in them"},
	{"drain", 0, NULL,
	 "tell the agent of this --data to take no more jobs and leave; waits for it"},
	{0},
};

struct house_of_agent {
	char *data, *dir, *shim, *token, *name;
	int lock;
	struct loop *loop;
	struct exec *exec;
	struct blobs *blobs;
	struct image *images;
	struct cache_proxy *proxy;
	char *tool_cache;
	uint64_t cache_size;
};

static usec_t now(void)
{
	return clock_wall();
}

static void house_of_agent_done(struct house_of_agent *h)
{
	if (h->token)
		mem_wipe(h->token, strlen(h->token));
	xfree(h->token);
	xfree(h->data);
	xfree(h->dir);
	xfree(h->shim);
	xfree(h->name);
	xfree(h->tool_cache);
	fd_close(&h->lock);
}

/* Not the daemon's: both may live on one machine. */
static char *data_of(const struct cli *c)
{
	const char *given = cli_value(c, "data"), *home = getenv("HOME");

	if (given)
		return xstrdup(given);
	return geteuid() == 0 || !home ? xstrdup("/var/lib/penstock-agent")
				       : xasprintf("%s/.local/share/penstock-agent", home);
}

static enum rc find_token(const struct cli *c, char **ret, struct err *err)
{
	const char *file = cli_value(c, "token-file"), *token = cli_value(c, "token");
	AUTO(strbuf_done) struct strbuf text = STRBUF(TOKEN_MAX);

	if (!token)
		token = getenv("PENSTOCK_TOKEN");
	if (file) {
		enum rc rc = file_read(file, TOKEN_MAX, &text, err);

		if (rc != RC_OK)
			return rc;
		struct str found = str_trim(strbuf_str(&text));
		*ret = xstrndup(found.p ? found.p : "", found.n);
		mem_wipe(text.p, text.n);
	} else if (token) {
		*ret = xstrdup(token);
	}
	if (!*ret || !**ret)
		return err_set(
			err, RC_INVALID,
			"an agent needs a token: --token-file FILE; `penstock agent token NAME` on the daemon's machine makes one");
	return strpbrk(*ret, "\r\n") ? err_set(err, RC_INVALID, "the token has more than one line")
				     : RC_OK;
}

static enum rc check_server(const struct cli *c, const char *url, struct err *err)
{
	if (!url)
		return err_set(err, RC_INVALID,
			       "an agent needs --server URL: https://ci.example:7400");
	if (str_starts(str_of(url), "https://"))
		return RC_OK;
	if (!str_starts(str_of(url), "http://"))
		return err_set(err, RC_INVALID,
			       "--server takes an http or https URL, not \"%.100s\"", url);
	if (url_is_loopback(str_of(url)) || cli_flag(c, "insecure"))
		return RC_OK;
	return err_set(
		err, RC_INVALID,
		"http:// to another machine would send sources and secrets unencrypted: use https:// (`penstock serve --tls-cert`, or a TLS proxy before it), or --insecure");
}

static enum rc read_options(struct cli *c, struct agent_options *o, struct house_of_agent *h,
			    struct err *err)
{
	const char *labels = cli_value(c, "labels"), *memory = cli_value(c, "memory"),
		   *name = cli_value(c, "name"), *grace = cli_value(c, "grace"),
		   *cache = cli_value(c, "cache-size");
	char host[256] = "";
	uint64_t cpu = 0;

	o->server = cli_value(c, "server");
	o->ca = client_ca(c);
	enum rc rc = check_server(c, o->server, err);
	if (rc == RC_OK)
		rc = find_token(c, &h->token, err);
	if (rc != RC_OK)
		return rc;
	if (!name && gethostname(host, sizeof(host) - 1) < 0)
		return err_errno(err, errno, "the host's name");
	h->name = xstrdup(name ? name : host);
	if (!cli_number(c, "cpu", (uint64_t)MAX_OF(sysconf(_SC_NPROCESSORS_ONLN), 1L), &cpu))
		return err_set(err, RC_INVALID, "--cpu takes a number");
	if (cpu < 1 || cpu > 4096)
		return err_set(err, RC_INVALID, "--cpu must be 1 to 4096");
	o->memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	if (memory && !parse_size(str_of(memory), &o->memory))
		return err_set(err, RC_INVALID, "--memory takes a size such as 8Gi, not \"%.40s\"",
			       memory);
	h->cache_size = CACHE_SIZE;
	if (cache && !parse_size(str_of(cache), &h->cache_size))
		return err_set(err, RC_INVALID,
			       "--cache-size takes a size such as 20Gi, not \"%.40s\"", cache);
	o->grace = USEC_NEVER;
	if (grace && !parse_duration(str_of(grace), &o->grace))
		return err_set(err, RC_INVALID, "--grace takes a time such as 10m, not \"%.40s\"",
			       grace);
	for (struct str rest = str_of(labels); labels && rest.p;) {
		struct str one = str_trim(str_cut(&rest, ','));

		if (one.n)
			vec_push(&o->labels, xstrndup(one.p, one.n));
	}
	o->cpu = (uint32_t)cpu * 1000;
	o->token = h->token;
	o->name = h->name;
	return RC_OK;
}

static enum rc open_house(struct house_of_agent *h, const char *how, struct err *err)
{
	AUTO(freep) char *lock = xasprintf("%s/lock", h->data);
	AUTO(freep) char *pid = xasprintf("%ld\n", (long)getpid());
	enum rc rc = dir_make(h->data, 0700, err);

	if (rc == RC_OK)
		rc = file_lock(lock, &h->lock, err);
	if (rc == RC_CONFLICT)
		return err_set(err, rc, "an agent uses %s already: give this one another --data",
			       h->data);
	if (rc == RC_OK && (ftruncate(h->lock, 0) < 0 || pwrite(h->lock, pid, strlen(pid), 0) < 0))
		rc = err_errno(err, errno, "write %s", lock);
	if (rc == RC_OK)
		rc = loop_new(&h->loop, err);
	if (rc != RC_OK)
		return rc;
	h->shim = shim_path();
	h->dir = xasprintf("%s/tmp", h->data);
	h->blobs = blobs_disk_new(h->data, err);
	if (h->blobs)
		h->exec = exec_sandbox_new(h->data, h->shim, err);
	if (h->exec) /* for an attempt that goes on where the one before failed, when it comes here again */
		exec_sandbox_keep(h->exec, USEC_DAY, (uint64_t)10 << 30);
	if (h->exec)
		h->images = image_disk_new(h->data, NULL, err);
	return h->images ? exec_sandbox_containers(h->exec, h->images, how ? how : "auto", err)
			 : err->rc;
}

/* A build cache on this machine's loopback that no outage of the daemon reaches; clients bring their own token. */
static enum rc open_proxy(struct house_of_agent *h, const char *server, const char *ca,
			  struct err *err)
{
	const struct cache_proxy_options o = {.server = server, .ca = ca};
	enum rc rc = cache_proxy_new(h->loop, &o, &h->proxy, err);

	if (rc == RC_OK)
		h->tool_cache =
			xasprintf("http://127.0.0.1:%u", (unsigned)cache_proxy_port(h->proxy));
	return rc;
}

/* ---- --drain ---- */

static int drain(struct cli *c)
{
	AUTO(freep) char *data = data_of(c);
	AUTO(freep) char *lock = xasprintf("%s/lock", data);
	AUTO(strbuf_done) struct strbuf text = STRBUF(64);
	struct err err = {0};
	uint32_t pid;

	if (!file_is_locked(lock)) {
		err_set(&err, RC_NOT_FOUND, "no agent runs in %s", data);
		return cli_fail(c, &err);
	}
	if (file_read(lock, 32, &text, &err) != RC_OK)
		return cli_fail(c, &err);
	if (!parse_u32(str_trim(strbuf_str(&text)), &pid) || pid < 2 ||
	    kill((pid_t)pid, SIGTERM) < 0) {
		err_errno(&err, errno, "end the agent in %s", data);
		return cli_fail(c, &err);
	}
	while (file_is_locked(lock))
		clock_sleep(50 * USEC_MS);
	say(c, "The agent in %s has left.\n", data);
	return EXIT_GOOD;
}

/* ---- the agent ---- */

static void trim(void *ctx, pthread_rwlock_t *users)
{
	const struct house_of_agent *h = ctx;
	AUTO(strbuf_done) struct strbuf size = STRBUF(64);
	struct err err = {RC_OK, ""};
	uint64_t blobs = 0, images = 0;
	enum rc rc = blobs_disk_trim(h->blobs, h->cache_size, users, &blobs, &err);

	if (rc == RC_OK)
		rc = image_prune(h->images, h->cache_size, &images, &err);
	strbuf_add_size(&size, blobs + images);
	if (rc != RC_OK)
		LOG(LOG_WARN, "what no job needs cannot be removed", LF("error", err.msg));
	else if (blobs + images)
		LOG(LOG_INFO, "removed what no job needed for longest",
		    LF("size", strbuf_cstr(&size)));
}

static void tell(void *ctx, const char *line)
{
	LOG(LOG_INFO, line, LF("agent", ctx));
}

/* What the daemon said no to is the environment's fault, not the work's. */
static int code_of(struct cli *c, const struct err *err)
{
	(void)cli_fail(c, err);
	return err->rc == RC_INVALID ? EXIT_USAGE : EXIT_ENVIRONMENT;
}

static int run_agent(struct cli *c)
{
	AUTO(house_of_agent_done) struct house_of_agent h = {.lock = -1};
	struct agent_options o = {0};
	struct err err = {0};

	if (cli_flag(c, "drain"))
		return drain(c);
	log_open(STDERR_FILENO, c->json || !isatty(STDERR_FILENO), LOG_INFO);
	log_clock(now);
	signal(SIGPIPE, SIG_IGN);
	if (!cli_flag(c, "core-dumps"))
		house_no_core_dumps();
	if (read_options(c, &o, &h, &err) != RC_OK)
		return code_of(c, &err);
	h.data = data_of(c);
	if (open_house(&h, cli_value(c, "containers"), &err) != RC_OK ||
	    open_proxy(&h, o.server, o.ca, &err) != RC_OK)
		return code_of(c, &err);
	o.tool_cache = h.tool_cache;
	o.dir = h.dir;
	o.loop = h.loop;
	o.exec = h.exec;
	o.blobs = h.blobs;
	o.trim = trim;
	o.trim_ctx = &h;
	o.said = tell;
	o.ctx = h.name;
	enum rc rc = agent_run(&o, &err);
	/* Workers may still wait for the daemon: nothing of theirs is worth waiting for. */
	int code = rc == RC_OK ? EXIT_GOOD : code_of(c, &err);
	cli_flush(c);
	fflush(NULL);
	_exit(code);
}

/* ---- its token ---- */

static int agent_token(struct cli *c)
{
	AUTO(freep) char *scope = xasprintf("agent/%s", c->args[0]);
	AUTO(freep) char *name = xasprintf("agent.%s", c->args[0]);
	char *token = NULL;
	struct err err = {0};

	if (cli_flag(c, "remove")) {
		if (client_revoke(c, name, &err) != RC_OK)
			return cli_fail(c, &err);
		say(c, "The token of agent %s is void.\n", c->args[0]);
		return EXIT_GOOD;
	}
	if (strlen(c->args[0]) > NAME_MAX_ || streq(c->args[0], "local"))
		return cli_usage(c, "an agent's name has at most %d bytes, and is not \"local\"",
				 NAME_MAX_);
	if (client_scope_token(c, name, scope, false, &token, &err) != RC_OK)
		return cli_fail(c, &err);
	say(c, "%s\n", token);
	hint(c,
	     "Shown this once. On the agent's machine: penstock agent --server URL --name %s --token-file FILE",
	     c->args[0]);
	mem_wipe(token, strlen(token));
	xfree(token);
	return EXIT_GOOD;
}

static const struct option token_options[] = {
	{"remove", 0, NULL, "the token is void from now on"},
	{0},
};

#define GROUP "The daemon"

const struct command agent_commands[] = {
	{.name = "agent",
	 .group = GROUP,
	 .summary = "Run jobs of a daemon on this machine",
	 .usage = "--server URL --token-file FILE [--name NAME] [--labels A,B]",
	 .options = agent_options,
	 .examples =
		 "penstock agent --server https://ci.example --token-file /etc/penstock/token --labels arm64,gpu\n"
		 "penstock agent --drain   # the one that runs here: finish what it has, then leave\n",
	 .run = run_agent},
	{.name = "agent token",
	 .group = GROUP,
	 .summary = "Make the token of an agent, which is good for nothing else",
	 .usage = "NAME [--remove]",
	 .options = token_options,
	 .examples = "penstock agent token builder-1 >token\n"
		     "penstock agent token builder-1 --remove\n",
	 .run = agent_token,
	 .least = 1,
	 .most = 1},
};
const size_t n_agent_commands = ARRAY_LEN(agent_commands);
