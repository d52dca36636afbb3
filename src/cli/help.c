/* --help, from the table. */
#include "cli/cli.h"

static void add_options(struct table *t, const struct option *options)
{
	for (; options && options->name; options++) {
		if (options->letter)
			table_add(t, BOLD, "-%c, --%s%s%s", options->letter, options->name,
				  options->value ? " " : "", options->value ? options->value : "");
		else
			table_add(t, BOLD, "    --%s%s%s", options->name, options->value ? " " : "",
				  options->value ? options->value : "");
		table_add(t, PLAIN, "%s", options->help);
	}
}

void help_one(struct strbuf *to, const struct term *t, const struct command *cmd)
{
	struct str lines = str_of(cmd->examples);
	struct table options;

	strbuf_addf(to, "%s\n\nusage: penstock %s%s%s\n", cmd->summary, cmd->name,
		    cmd->usage && *cmd->usage ? " " : "", cmd->usage ? cmd->usage : "");
	table_init(&options, "", 2);
	add_options(&options, cmd->options);
	add_options(&options, common_options);
	strbuf_adds(to, "\noptions:\n");
	table_print(&options, t, 2, to);
	if (lines.n)
		strbuf_adds(to, "\nexamples:\n");
	while (lines.p && lines.n) {
		struct str line = str_cut(&lines, '\n'), what = line;
		struct str code = str_cut(&what, '#');

		strbuf_addf(to, "  %.*s", (int)code.n, code.p);
		if (what.p)
			tint(to, t, DIM, "#%.*s", (int)what.n, what.p);
		strbuf_addc(to, '\n');
	}
}

static const struct command *command_at(const struct command *more, size_t i)
{
	return i < n_commands ? commands[i] : &more[i - n_commands];
}

static bool is_new_group(const struct command *more, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (streq(command_at(more, k)->group, command_at(more, i)->group))
			return false;
	return true;
}

void help_all(struct strbuf *to, const struct term *t, const struct command *more, size_t n_more)
{
	size_t all = n_commands + n_more;
	struct table rows;

	strbuf_adds(
		to,
		"Penstock takes a commit to production through four gates, and takes it back when it hurts.\n\n"
		"usage: penstock COMMAND [ARGUMENTS] [OPTIONS]\n");
	table_init(&rows, "", 2);
	for (size_t i = 0; i < all; i++) {
		const char *group = command_at(more, i)->group;

		if (!group || !is_new_group(more, i))
			continue;
		table_add(&rows, PLAIN, "%s", "");
		table_add(&rows, PLAIN, "%s", "");
		table_add(&rows, BOLD, "%s", group);
		table_add(&rows, PLAIN, "%s", "");
		for (size_t k = i; k < all; k++) {
			if (!streq(command_at(more, k)->group, group))
				continue;
			table_add(&rows, PLAIN, "  %s", command_at(more, k)->name);
			table_add(&rows, DIM, "%s", command_at(more, k)->summary);
		}
	}
	table_print(&rows, t, 0, to);
	strbuf_adds(
		to,
		"\n`penstock COMMAND --help` says more, with examples. Exit codes: 0 ok, 1 the work failed, 2 usage or\n"
		"configuration, 3 the daemon or the machine.\n");
}
