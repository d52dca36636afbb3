/* penstock version */
#include "cli/commands.h"

static int run(struct cli *c)
{
	if (c->json)
		say(c, "{\"version\":\"" PENSTOCK_VERSION "\"}\n");
	else
		say(c, "penstock " PENSTOCK_VERSION "\n");
	return EXIT_GOOD;
}

const struct command cmd_version = {
	.name = "version",
	.group = GROUP_OTHER,
	.summary = "Which version this is",
	.usage = "",
	.examples = "penstock version",
	.run = run,
};
