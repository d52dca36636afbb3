/* The command lines of the daemon: serve, stop. */
#include "main/serve_command.h"

#include "api/wire.h"
#include "main/serve.h"

static const struct option serve_options[] = {
	{"repo", 'r', "[NAME=]DIR", "watch this repository (may be repeated); it is remembered"},
	{"port", 'p', "N", "TCP port of the API on 127.0.0.1 (7400); 0: the unix socket only"},
	{"listen", 0, "ADDRESS",
	 "where the port is (127.0.0.1); 0.0.0.0 or ::, for other machines, wants TLS"},
	{"tls-cert", 0, "FILE",
	 "speak TLS: the certificate and its chain, in PEM; read again when it changes"},
	{"tls-key", 0, "FILE", "its private key, in PEM"},
	{"insecure-listen", 0, NULL,
	 "let other machines reach the port without TLS: a proxy has it"},
	{"public-url", 0, "URL",
	 "how people and agents reach it, and the issuer of jobs' tokens: https://ci.example"},
	{"host", 0, "NAME", "answer by this name, too (may be repeated)"},
	{"streams-max", 0, "N", "readers of events and logs at a time (1000)"},
	{"streams-each", 0, "N", "of them by one person or token (a quarter of all, at least 8)"},
	{"rate", 0, "N",
	 "requests a second of one person or token (100), five times as many at once"},
	{"slots", 'j', "N", "jobs at a time (default: one a core, at least 2)"},
	{"cache-max", 0, "SIZE", "of the build tools' cache: Turborepo, Nx, Bazel ... (20GiB)"},
	{"containers", 0, "NAME",
	 "what runs jobs' containers: auto, runc, crun, podman, docker or bwrap (auto)"},
	{"keep-failed", 0, "TIME", "keep folders of failed jobs for `penstock shell` (24h)"},
	{"keep-max", 0, "SIZE", "of all kept folders (10GiB)"},
	{"journal-keep", 0, "TIME",
	 "older records leave the journal for <data>/archive, such as 90d (default: never)"},
	{"processes", 0, NULL, "run services as processes, even where containers can be had"},
	{"door-base", 0, "PORT", "first port of the services' front doors (18080)"},
	{"replica-base", 0, "PORT", "first port of replicas (20000)"},
	{"oidc-issuer", 0, "URL", "people log in by this OpenID provider"},
	{"oidc-client", 0, "ID",
	 "as it knows us; it sends browsers back to <public-url>/api/v1/login/oidc/callback"},
	{"oidc-secret", 0, "NAME", "a name below <data>/secrets; none: PKCE alone"},
	{"oidc-name", 0, "TEXT", "what the button says (single sign-on)"},
	{"oidc-groups", 0, "CLAIM", "where it tells a person's groups (groups)"},
	{"oidc-scopes", 0, "LIST", "what we ask for (openid profile email)"},
	{"core-dumps", 0, NULL,
	 "leave the limit of core dumps as it is: tokens and secrets stand in them"},
	{"verbose", 'v', NULL, "log more"},
	{"json-log", 0, NULL, "log JSON, also on a terminal"},
	{0},
};

/* A number up to max, else it was told what is wrong. */
static bool number(struct cli *c, const char *option, uint64_t otherwise, uint64_t max,
		   uint64_t *ret)
{
	if (!cli_number(c, option, otherwise, ret))
		return false;
	if (*ret <= max)
		return true;
	(void)cli_usage(c, "--%s is at most %llu", option, (unsigned long long)max);
	return false;
}

/* "20GiB" and "20Gi" */
static bool size_option(struct cli *c, const char *option, uint64_t *ret)
{
	struct str text = str_of(cli_value(c, option));

	*ret = 0;
	if (!cli_value(c, option))
		return true;
	text.n -= str_ends(text, "B");
	if (parse_size(text, ret) && *ret >= (uint64_t)1 << 20)
		return true;
	(void)cli_usage(c, "--%s wants a size of at least 1MiB, such as 20GiB", option);
	return false;
}

static bool time_option(struct cli *c, const char *option, usec_t *ret)
{
	const char *text = cli_value(c, option);

	if (!text || (parse_duration(str_of(text), ret) && *ret))
		return true;
	(void)cli_usage(c, "--%s wants a time such as 24h", option);
	return false;
}

static int run_serve(struct cli *c)
{
	struct serve_options o = {.data = cli_data(c),
				  .processes = cli_flag(c, "processes"),
				  .verbose = cli_flag(c, "verbose"),
				  .json_log = cli_flag(c, "json-log"),
				  .core_dumps = cli_flag(c, "core-dumps")};
	uint64_t port, slots, doors, replicas, streams, each, rate;
	const char *repo;

	if (!number(c, "port", WIRE_PORT, UINT16_MAX, &port) ||
	    !number(c, "slots", 0, 1000, &slots) || !number(c, "streams-max", 0, 50000, &streams) ||
	    !number(c, "streams-each", 0, 50000, &each) || !number(c, "rate", 0, 1000000, &rate) ||
	    !number(c, "door-base", 0, UINT16_MAX, &doors) ||
	    !number(c, "replica-base", 0, UINT16_MAX, &replicas) ||
	    !size_option(c, "cache-max", &o.cache_max) ||
	    !size_option(c, "keep-max", &o.keep_max) ||
	    !time_option(c, "journal-keep", &o.journal_keep) ||
	    !time_option(c, "keep-failed", &o.keep_failed))
		return EXIT_USAGE;
	o.containers = cli_value(c, "containers");
	o.oidc_issuer = cli_value(c, "oidc-issuer");
	o.oidc_client = cli_value(c, "oidc-client");
	o.oidc_secret = cli_value(c, "oidc-secret");
	o.oidc_name = cli_value(c, "oidc-name");
	o.oidc_groups = cli_value(c, "oidc-groups");
	o.oidc_scopes = cli_value(c, "oidc-scopes");
	o.port = (uint16_t)port;
	o.listen = cli_value(c, "listen");
	o.tls_cert = cli_value(c, "tls-cert");
	o.tls_key = cli_value(c, "tls-key");
	o.insecure_listen = cli_flag(c, "insecure-listen");
	o.public_url = cli_value(c, "public-url");
	o.streams_max = (uint32_t)streams;
	o.streams_each = (uint32_t)each;
	o.rate = (uint32_t)rate;
	o.slots = (uint32_t)slots;
	o.door_base = (uint32_t)doors;
	o.replica_base = (uint32_t)replicas;
	for (size_t i = 0; (repo = cli_value_at(c, "repo", i)); i++)
		vec_push(&o.repos, xstrdup(repo));
	for (size_t i = 0; (repo = cli_value_at(c, "host", i)); i++)
		vec_push(&o.hosts, xstrdup(repo));
	int code = serve(&o);
	vec_each(r, &o.repos)
		xfree(*r);
	vec_done(&o.repos);
	vec_each(h, &o.hosts)
		xfree(*h);
	vec_done(&o.hosts);
	return code;
}

static int run_stop(struct cli *c)
{
	return serve_stop_all(cli_data(c));
}

#define GROUP "The daemon"

const struct command serve_commands[] = {
	{.name = "serve",
	 .group = GROUP,
	 .summary = "Watch repositories and take what is pushed to production",
	 .usage = "[--repo [NAME=]DIR]... [--port N]",
	 .options = serve_options,
	 .examples =
		 "penstock serve                          # the repositories of the last start, or one to push to\n"
		 "penstock serve --repo /srv/git/shop.git # that one\n"
		 "penstock serve --data ./.penstock --port 0\n"
		 "penstock serve --listen 0.0.0.0 --tls-cert ci.pem --tls-key ci.key --public-url https://ci.example:7400",
	 .run = run_serve},
	{.name = "stop",
	 .group = GROUP,
	 .summary = "End the services of a data folder whose daemon does not run",
	 .usage = "",
	 .examples = "penstock stop --data ./.penstock",
	 .run = run_stop},
};
const size_t n_serve_commands = ARRAY_LEN(serve_commands);
