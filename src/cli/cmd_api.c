/* penstock api: the description of the HTTP API, without a daemon */
#include "cli/commands.h"

#include "api/table.h"

#define DOC_MAX ((size_t)4 << 20)

static int run_api(struct cli *c)
{
	AUTO(strbuf_done) struct strbuf doc = STRBUF(DOC_MAX);

	if (cli_flag(c, "markdown"))
		api_markdown(&doc);
	else
		api_openapi(&doc, PENSTOCK_VERSION);
	cli_flush(c);
	fwrite(doc.p, 1, doc.n, stdout);
	if (!cli_flag(c, "markdown"))
		putchar('\n');
	return EXIT_GOOD;
}

static const struct option api_options[] = {{"markdown", 0, NULL, "for people"}, {0}};

const struct command cmd_api = {
	.name = "api",
	.group = GROUP_OTHER,
	.summary = "Print the HTTP API's description (OpenAPI 3.1)",
	.usage = "[--markdown]",
	.options = api_options,
	.examples = "penstock api >openapi.json",
	.run = run_api,
};
