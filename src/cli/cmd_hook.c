/* penstock hook: a repository's post-receive tells the daemon. It never holds up or fails a push. */
#include "cli/commands.h"

#include <stdio.h>

#include "api/wire.h"
#include "io/http.h"

#define REFS_MAX 1000
#define LINE     1024

/* "old new ref" lines; which refs moved is only a word to the daemon, which reads them itself. */
static void add_refs(struct json_out *o)
{
	char line[LINE];
	int n = 0;

	json_list(o, "refs");
	while (n < REFS_MAX && fgets(line, sizeof(line), stdin)) {
		struct str rest = str_trim(str_of(line));

		(void)str_cut(&rest, ' ');
		(void)str_cut(&rest, ' ');
		if (!rest.p || !rest.n)
			continue;
		json_str(o, NULL, rest);
		n++;
	}
	json_unlist(o);
}

static int run(struct cli *c)
{
	const char *socket = getenv("PENSTOCK_SOCKET");
	AUTO(freep)
	char *path =
		socket && *socket ? xstrdup(socket) : xasprintf("%s/" WIRE_SOCKET, cli_data(c));
	AUTO(strbuf_done) struct strbuf body = STRBUF((size_t)1 << 20);
	AUTO(http_answer_done) struct http_answer a = {0};
	struct json_out o = JSON_OUT(&body);
	struct err err = {0};

	json_open(&o, NULL);
	json_cstr(&o, "repo", c->args[0]);
	add_refs(&o);
	json_close(&o);
	struct http_request q = {.method = "POST",
				 .url = "http://penstock" WIRE_HOOK,
				 .unix_socket = path,
				 .body = strbuf_str(&body),
				 .timeout = 4 * USEC_SEC};
	if (http_ask(&q, &a, &err) != RC_OK)
		say(c,
		    "penstock: the daemon does not answer; it will see this push when it runs again\n");
	else if (a.status != 200)
		say(c, "penstock: the daemon does not take this push (%d); is %s still served?\n",
		    a.status, c->args[0]);
	return EXIT_GOOD;
}

const struct command cmd_hook = {
	.name = "hook",
	.group = GROUP_OTHER,
	.summary = "Tell the daemon of a push (a repository's post-receive runs it)",
	.usage = "REPOSITORY < LINES",
	.examples =
		"echo \"$old $new refs/heads/main\" | PENSTOCK_SOCKET=/var/lib/penstock/penstock.sock penstock hook /srv/git/shop.git",
	.run = run,
	.least = 1,
};
