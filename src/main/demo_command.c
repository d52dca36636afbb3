/* The command line of the demo. */
#include "main/demo_command.h"
#include "main/demo.h"

static const struct option demo_options[] = {
	{"exit", 0, NULL,
	 "end when the scenes are over, and clean up; exit code 0 only when each ended as it should"},
	{"scene", 's', "a..h", "play these only (a always comes first): --scene d, --scene bdh"},
	{"json", 0, "FILE", "write what happened, with all times; - for stdout"},
	{"rate", 0, "N", "orders per second that clients send (default 1000)"},
	{"dir", 0, "DIR", "use this empty folder, and keep it"},
	{"keep", 0, NULL, "keep the folder"},
	{"processes", 0, NULL, "services as processes, not containers"},
	{0},
};

static int run_demo(struct cli *c)
{
	struct demo_options o = {.exit = cli_flag(c, "exit"),
				 .keep = cli_flag(c, "keep"),
				 .processes = cli_flag(c, "processes"),
				 .scenes = cli_value(c, "scene"),
				 .json = cli_value(c, "json"),
				 .dir = cli_value(c, "dir")};
	uint64_t rate;

	if (!cli_number(c, "rate", 1000, &rate))
		return EXIT_USAGE;
	if (rate < 10 || rate > 5000)
		return cli_usage(c, "--rate must be 10 to 5000");
	if (o.scenes && (!*o.scenes || o.scenes[strspn(o.scenes, "abcdefgh")]))
		return cli_usage(c, "--scene takes letters of a to h, not \"%s\"", o.scenes);
	o.rate = (double)rate;
	o.json_only = streq(o.json, "-");
	return demo_run(&o, c->term.tty, c->term.width);
}

const struct command demo_command = {
	.name = "demo",
	.group = "The daemon",
	.summary = "Watch the whole way of eight changes, good and bad",
	.usage = "[--exit] [--scene a..h] [--json FILE]",
	.options = demo_options,
	.examples =
		"penstock demo                  # all scenes; everything stays up until Ctrl-C\n"
		"penstock demo --exit --scene d # one scene, for scripts",
	.run = run_demo,
};
