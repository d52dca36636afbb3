/* penstock cache, cache prune, cache token, cache proxy */
#include "cli/commands.h"
#include "cli/view.h"

#include <signal.h>

#include "api/cache_proxy.h"
#include "api/wire.h"
#include "base/log.h"
#include "io/clock.h"
#include "io/files.h"

#define CACHE_PATH WIRE_BASE "/cache"
#define TOKEN_MAX  4096

/* ---- cache ---- */

static void draw_tools(struct cli *c, const struct json *list)
{
	struct table t;

	table_init(&t, "TOOL|HITS|MISSES|STORED|KNOWN|REFUSED|FAILED|DAMAGED|IN|OUT", 10);
	for (size_t i = 0; i < json_count(list); i++) {
		static const char *const counts[] = {"hits",   "misses", "stored", "there",
						     "denied", "failed", "damaged"};
		const struct json *tool = json_at(list, i);
		AUTO(strbuf_done) struct strbuf in = STRBUF(64), out = STRBUF(64);

		table_add(&t, BOLD, "%s", text_at(tool, "tool"));
		for (size_t k = 0; k < ARRAY_LEN(counts); k++)
			table_add(&t, k == 6 && number_at(tool, counts[k]) ? BAD : PLAIN, "%llu",
				  (unsigned long long)number_at(tool, counts[k]));
		strbuf_add_size(&in, number_at(tool, "bytes_in"));
		strbuf_add_size(&out, number_at(tool, "bytes_out"));
		table_add(&t, DIM, "%s", strbuf_cstr(&in));
		table_add(&t, DIM, "%s", strbuf_cstr(&out));
	}
	table_print(&t, &c->term, 0, &c->out);
}

static void draw(struct cli *c, const struct json *j)
{
	const struct json *list = json_get(j, "spaces");
	AUTO(strbuf_done) struct strbuf all = STRBUF(64), most = STRBUF(64);
	uint64_t bytes = 0;
	struct table t;

	draw_tools(c, json_get(j, "tools"));
	table_init(&t, "SCOPE|SPACE|ENTRIES|SIZE", 4);
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *space = json_at(list, i);
		AUTO(strbuf_done) struct strbuf size = STRBUF(64);

		strbuf_add_size(&size, number_at(space, "bytes"));
		bytes += number_at(space, "bytes");
		table_add(&t, PLAIN, "%s", text_at(space, "scope"));
		table_add(&t, BOLD, "%s", text_at(space, "space"));
		table_add(&t, PLAIN, "%llu", (unsigned long long)number_at(space, "entries"));
		table_add(&t, PLAIN, "%s", strbuf_cstr(&size));
	}
	say(c, "\n");
	table_print(&t, &c->term, 0, &c->out);
	strbuf_add_size(&all, bytes);
	strbuf_add_size(&most, number_at(j, "max"));
	say(c, "\n%s of %s\n", strbuf_cstr(&all), strbuf_cstr(&most));
	hint(c, "counts are those since the daemon's start");
}

static int run_show(struct cli *c)
{
	return client_show(c, CACHE_PATH, draw);
}

const struct command cmd_cache = {
	.name = "cache",
	.group = GROUP_CACHE,
	.summary = "What the build tools' cache holds, and how often it helps",
	.usage = "",
	.examples = "penstock cache\n"
		    "penstock cache --json | jq '.tools[] | {tool, hits, misses}'",
	.run = run_show,
};

/* ---- cache prune ---- */

static int run_prune(struct cli *c)
{
	const char *keep = cli_value(c, "keep"), *scope = cli_value(c, "scope");
	struct str text = str_of(keep);
	struct err err = {0};
	uint64_t bytes, seq = 0;

	text.n -= str_ends(text, "B");
	if (!keep || !parse_size(text, &bytes))
		return cli_usage(c, "cache prune needs --keep SIZE, such as 10GiB, or 0");
	AUTO(strbuf_done) struct strbuf path = STRBUF(4096);
	strbuf_addf(&path, CACHE_PATH "/prune?keep=%llu", (unsigned long long)bytes);
	if (scope) {
		strbuf_adds(&path, "&scope=");
		strbuf_add_urlencoded(&path, str_of(scope));
	}
	if (client_order(c, "POST", strbuf_cstr(&path), STR("{}"), &seq, &err) != RC_OK)
		return cli_fail(c, &err);
	if (c->json)
		say(c, "{\"ok\":true}\n");
	else
		say(c, "What was used longest ago is gone; at most %s are left%s%s.\n", keep,
		    scope ? " of " : "", scope ? scope : "");
	return EXIT_GOOD;
}

static const struct option prune_options[] = {
	{"keep", 0, "SIZE", "so much may stay, what was used last first"},
	{"scope", 0, "SCOPE", "only of trusted, or of pr/N (default: of all)"},
	{0},
};

const struct command cmd_cache_prune = {
	.name = "cache prune",
	.group = GROUP_CACHE,
	.summary = "Drop what was used longest ago",
	.usage = "--keep SIZE [--scope trusted|pr/N]",
	.options = prune_options,
	.examples = "penstock cache prune --keep 5GiB\n"
		    "penstock cache prune --keep 0 --scope pr/12  # a pull request is closed",
	.run = run_prune,
};

/* ---- cache token ---- */

static void show_token(struct cli *c, const char *token, const char *scope)
{
	if (c->json) {
		struct json_out o = JSON_OUT(&c->out);

		json_open(&o, NULL);
		json_cstr(&o, "name", c->args[0]);
		json_cstr(&o, "scope", scope);
		json_bool(&o, "read_only", cli_flag(c, "read-only"));
		json_cstr(&o, "token", token);
		json_close(&o);
		say(c, "\n");
		return;
	}
	say(c, "%s\n", token);
	hint(c, "it is shown this once; clients send it as Bearer, or as password of Basic");
}

static int run_token(struct cli *c)
{
	const char *scope = cli_value(c, "scope");
	char *token = NULL;
	struct err err = {0};

	if (cli_flag(c, "remove")) {
		if (client_revoke(c, c->args[0], &err) != RC_OK)
			return cli_fail(c, &err);
		say(c, c->json ? "{\"ok\":true}\n" : "Whoever has it is a stranger now.\n");
		return EXIT_GOOD;
	}
	if (!scope)
		return cli_usage(c, "cache token needs --scope trusted or --scope pr/NUMBER");
	if (client_scope_token(c, c->args[0], scope, cli_flag(c, "read-only"), &token, &err) !=
	    RC_OK)
		return cli_fail(c, &err);
	show_token(c, token, scope);
	mem_wipe(token, strlen(token));
	xfree(token);
	return EXIT_GOOD;
}

static const struct option token_options[] = {
	{"scope", 0, "SCOPE",
	 "trusted: runs of protected branches; pr/N: a pull request, which trusted runs never read"},
	{"read-only", 0, NULL, "what it puts is refused, and the build goes on"},
	{"remove", 0, NULL, "take the token of this name back"},
	{0},
};

const struct command cmd_cache_token = {
	.name = "cache token",
	.group = GROUP_CACHE,
	.summary = "Make a token for build tools: for the cache and nothing else",
	.usage = "NAME --scope trusted|pr/N [--read-only]",
	.options = token_options,
	.examples = "penstock cache token ci --scope trusted\n"
		    "penstock cache token laptops --scope trusted --read-only\n"
		    "penstock cache token pr-12 --scope pr/12\n"
		    "penstock cache token pr-12 --remove",
	.run = run_token,
	.least = 1,
};

/* ---- cache proxy ---- */

/* "127.0.0.1:7401", ":7401", "7401" */
static bool parse_listen(const char *text, char address[64], uint16_t *ret_port)
{
	const char *colon = strrchr(text, ':'), *port = colon ? colon + 1 : text;
	uint32_t n;

	if (!parse_u32(str_of(port), &n) || n > UINT16_MAX)
		return false;
	size_t len = colon ? (size_t)(colon - text) : 0;
	if (len >= 64)
		return false;
	snprintf(address, 64, "%.*s", (int)(len ? len : 9), len ? text : "127.0.0.1");
	*ret_port = (uint16_t)n;
	return true;
}

static enum rc read_token(struct cli *c, struct strbuf *ret, struct err *err)
{
	const char *file = cli_value(c, "token-file"), *token = cli_value(c, "token");
	AUTO(strbuf_done) struct strbuf text = STRBUF(TOKEN_MAX);
	enum rc rc = RC_OK;

	token = token ? token : getenv("PENSTOCK_TOKEN");
	if (file)
		rc = file_read(file, TOKEN_MAX, &text, err);
	else if (token)
		strbuf_adds(&text, token);
	strbuf_addstr(ret, str_trim(strbuf_str(&text)));
	if (text.p)
		mem_wipe(text.p, text.n);
	return rc;
}

static void stop(void *arg)
{
	loop_stop(arg);
}

static usec_t wall(void)
{
	return clock_wall();
}

static int proxy(struct cli *c, const struct cache_proxy_options *o)
{
	struct cache_proxy *p = NULL;
	struct loop *loop = NULL;
	struct err err = {0};

	log_open(2, c->json, LOG_INFO);
	log_clock(wall);
	signal(SIGPIPE, SIG_IGN);
	enum rc rc = loop_new(&loop, &err);
	if (rc == RC_OK)
		rc = cache_proxy_new(loop, o, &p, &err);
	if (rc != RC_OK) {
		loop_free(loop);
		return cli_fail(c, &err);
	}
	loop_signal(loop, SIGTERM, stop, loop);
	loop_signal(loop, SIGINT, stop, loop);
	say(c, c->json ? "{\"url\":\"http://%s:%u\"}\n" : "Build caches at http://%s:%u\n",
	    o->address, cache_proxy_port(p));
	cli_flush(c);
	loop_run(loop);
	struct cache_proxy_counts n = cache_proxy_counts(p);
	if (!c->json)
		say(c, "%llu hits, %llu misses, %llu puts; %llu answered without the server\n",
		    (unsigned long long)n.hits, (unsigned long long)n.misses,
		    (unsigned long long)n.puts, (unsigned long long)n.shielded);
	cache_proxy_stop(p);
	loop_free(loop);
	cache_proxy_free(p);
	return EXIT_GOOD;
}

static int run_proxy(struct cli *c)
{
	const char *server = cli_value(c, "server"), *listen = cli_value(c, "listen");
	AUTO(strbuf_done) struct strbuf token = STRBUF(TOKEN_MAX);
	struct cache_proxy_options o = {
		.server = server, .ca = client_ca(c), .run = cli_value(c, "run")};
	char address[64];
	struct err err = {0};

	if (!server)
		return cli_usage(c, "cache proxy needs --server URL");
	if (!parse_listen(listen ? listen : "127.0.0.1:7401", address, &o.port))
		return cli_usage(c, "--listen takes an address and a port: 127.0.0.1:7401");
	if (read_token(c, &token, &err) != RC_OK)
		return cli_fail(c, &err);
	o.address = address;
	o.token = token.n ? strbuf_cstr(&token) : NULL;
	int code = proxy(c, &o);
	if (token.p)
		mem_wipe(token.p, token.n);
	return code;
}

static const struct option proxy_options[] = {
	{"listen", 0, "ADDRESS:PORT", "where build tools ask (127.0.0.1:7401); port 0: any"},
	{"token-file", 0, "FILE", "send the token in it, whatever the tools send"},
	{"run", 0, "TEXT", "the server notes this run with each entry"},
	{0},
};

const struct command cmd_cache_proxy = {
	.name = "cache proxy",
	.group = GROUP_CACHE,
	.summary = "A cache on this machine that is never down: misses when the server is",
	.usage = "--server URL [--token-file FILE] [--listen ADDRESS:PORT]",
	.options = proxy_options,
	.examples =
		"penstock cache proxy --server https://ci.example:7400 --token-file cache-token &\n"
		"TURBO_API=http://127.0.0.1:7401 TURBO_TOKEN=x TURBO_TEAM=shop turbo run build\n"
		"NX_SELF_HOSTED_REMOTE_CACHE_SERVER=http://127.0.0.1:7401 nx run-many -t build",
	.run = run_proxy,
};
