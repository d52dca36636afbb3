/* The command line: which command, which options, and what is wrong with them. */
#include "cli/cli.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/files.h"

#define OUT_MAX ((size_t)256 << 20)
#define NAMES   256

/* ---- what commands use ---- */

void say(struct cli *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&c->out, fmt, ap);
	va_end(ap);
}

void hint(struct cli *c, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(4096);
	va_list ap;

	if (!c->term.tty || c->json)
		return;
	va_start(ap, fmt);
	strbuf_addv(&text, fmt, ap);
	va_end(ap);
	tint(&c->out, &c->term, DIM, "%s", strbuf_cstr(&text));
	strbuf_addc(&c->out, '\n');
}

void cli_flush(struct cli *c)
{
	if (c->out.n)
		(void)!fd_write(STDOUT_FILENO, c->out.p, c->out.n,
				NULL); /* a reader that left is no failure of ours */
	strbuf_clear(&c->out);
}

static int code_of(enum rc rc)
{
	switch (rc) {
	case RC_OK:
		return EXIT_GOOD;
	case RC_INVALID:
		return EXIT_USAGE;
	case RC_UNAVAILABLE:
	case RC_NO_SPACE:
	case RC_UNSUPPORTED:
		return EXIT_ENVIRONMENT;
	case RC_DENIED:
	case RC_NOT_FOUND:
	case RC_CONFLICT:
	case RC_TOO_BIG:
	case RC_CORRUPT:
	case RC_INTERNAL:
		return EXIT_WORK;
	}
	return EXIT_WORK;
}

int cli_fail(struct cli *c, const struct err *err)
{
	cli_flush(c);
	if (c->json) {
		struct json_out o = JSON_OUT(&c->out);

		json_open(&o, NULL);
		json_cstr(&o, "code", rc_name(err->rc));
		json_cstr(&o, "detail", err->msg);
		json_close(&o);
		strbuf_addc(&c->out, '\n');
	}
	fprintf(stderr, "penstock: %s\n", err->msg);
	return code_of(err->rc);
}

int cli_usage(struct cli *c, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf text = STRBUF(4096);
	va_list ap;

	va_start(ap, fmt);
	strbuf_addv(&text, fmt, ap);
	va_end(ap);
	fprintf(stderr, "penstock: %s\n", strbuf_cstr(&text));
	if (c->command)
		fprintf(stderr, "usage: penstock %s %s\n", c->command->name,
			c->command->usage ? c->command->usage : "");
	return EXIT_USAGE;
}

const char *cli_value_at(const struct cli *c, const char *option, size_t i)
{
	vec_each(g, &c->given)
		if (streq(g->option->name, option) && i-- == 0)
			return g->value;
	return NULL;
}

const char *cli_value(const struct cli *c, const char *option)
{
	const char *found = NULL;

	vec_each(g, &c->given)
		found = streq(g->option->name, option) ? g->value : found;
	return found;
}

bool cli_flag(const struct cli *c, const char *option)
{
	return cli_value(c, option) != NULL;
}

bool cli_number(struct cli *c, const char *option, uint64_t otherwise, uint64_t *ret)
{
	const char *text = cli_value(c, option);

	*ret = otherwise;
	if (!text || parse_u64(str_of(text), ret))
		return true;
	(void)cli_usage(c, "--%s takes a number, not \"%s\"", option, text);
	return false;
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

const char *cli_data(struct cli *c)
{
	const char *given = cli_value(c, "data"), *env = getenv("PENSTOCK_DATA"),
		   *home = getenv("HOME");

	if (c->data)
		return c->data;
	if (given)
		c->data = xstrdup(given);
	else if (env && *env)
		c->data = xstrdup(env);
	else if (is_folder(".penstock"))
		c->data = xstrdup(".penstock");
	else if (geteuid() == 0 || !home)
		c->data = xstrdup("/var/lib/penstock");
	else
		c->data = xasprintf("%s/.local/share/penstock", home);
	return c->data;
}

/* ---- finding the command ---- */

struct tables {
	const struct command *more;
	size_t n;
};

static const struct command *at(const struct tables *t, size_t i)
{
	return i < n_commands ? commands[i] : &t->more[i - n_commands];
}

/* "incident show" needs both words. Returns how many words the name has; 0: there is none. */
static int find(const struct tables *t, int argc, char **argv, const struct command **ret)
{
	AUTO(freep) char *two = argc > 2 ? xasprintf("%s %s", argv[1], argv[2]) : xstrdup("");

	for (size_t i = 0; i < n_commands + t->n; i++)
		if (streq(at(t, i)->name, two)) {
			*ret = at(t, i);
			return 2;
		}
	for (size_t i = 0; i < n_commands + t->n; i++)
		if (streq(at(t, i)->name, argv[1])) {
			*ret = at(t, i);
			return 1;
		}
	return 0;
}

static bool begins_some(const struct tables *t, const char *word)
{
	AUTO(freep) char *prefix = xasprintf("%s ", word);
	bool any = false;

	for (size_t i = 0; i < n_commands + t->n; i++)
		if (str_starts(str_of(at(t, i)->name), prefix))
			any = true;
	return any;
}

static int say_unknown(const struct tables *t, int argc, char **argv)
{
	const char *names[NAMES];
	size_t n = 0;
	bool group = begins_some(t, argv[1]);
	AUTO(freep)
	char *tried = group && argc > 2 ? xasprintf("%s %s", argv[1], argv[2]) : xstrdup(argv[1]);

	for (size_t i = 0; i < n_commands + t->n && n < NAMES; i++)
		names[n++] = at(t, i)->name;
	const char *near = str_nearest(str_of(tried), names, n);
	if (near)
		fprintf(stderr, "penstock: there is no command \"%s\"; did you mean \"%s\"?\n",
			tried, near);
	else
		fprintf(stderr,
			"penstock: there is no command \"%s\"; `penstock --help` lists them\n",
			tried);
	for (size_t i = 0; i < n && group; i++)
		if (str_starts(str_of(names[i]), argv[1]))
			fprintf(stderr, "  penstock %-18s %s\n", names[i], at(t, i)->summary);
	return EXIT_USAGE;
}

/* ---- options ---- */

static const struct option *by_name(const struct option *options, struct str name)
{
	for (; options && options->name; options++)
		if (str_is(name, options->name))
			return options;
	return NULL;
}

static const struct option *by_letter(const struct option *options, char letter)
{
	for (; options && options->name; options++)
		if (options->letter == letter)
			return options;
	return NULL;
}

static int unknown_option(struct cli *c, struct str name)
{
	const struct option *const lists[] = {c->command->options, common_options};
	const char *names[NAMES];
	size_t n = 0;

	for (size_t k = 0; k < ARRAY_LEN(lists); k++)
		for (const struct option *o = lists[k]; o && o->name && n < NAMES; o++)
			names[n++] = o->name;
	const char *near = str_nearest(name, names, n);
	return cli_usage(c, "%s has no option --%.*s%s%s%s", c->command->name, (int)name.n, name.p,
			 near ? "; did you mean --" : "", near ? near : "", near ? "?" : "");
}

/* One word of the line, with its value when that is the next one. -1: fine, else the exit code. */
static int take_option(struct cli *c, char **argv, int argc, int *i)
{
	struct str rest = str_of(argv[*i] + 2), name = str_cut(&rest, '=');
	bool is_long = argv[*i][1] == '-';
	const char *word = argv[*i];
	const struct option *o;

	if (is_long) {
		o = by_name(c->command->options, name);
		o = o ? o : by_name(common_options, name);
		if (!o)
			return unknown_option(c, name);
	} else {
		o = by_letter(c->command->options, word[1]);
		o = o ? o : by_letter(common_options, word[1]);
		if (!o)
			return cli_usage(c, "%s has no option -%c", c->command->name, word[1]);
		rest = word[2] ? str_of(word + 2) : (struct str){NULL, 0};
	}
	struct given given = {o, "1"};
	if (!o->value && rest.p)
		return cli_usage(c, "--%s takes no value", o->name);
	if (o->value && rest.p) {
		given.value = rest.p;
	} else if (o->value) {
		if (*i + 1 >= argc)
			return cli_usage(c, "--%s needs a value: %s", o->name, o->value);
		given.value = argv[++*i];
	}
	vec_push(&c->given, given);
	return -1;
}

static int parse(struct cli *c, int argc, char **argv, int from)
{
	bool only_words = false;

	for (int i = from; i < argc; i++) {
		if (!only_words && streq(argv[i], "--")) {
			only_words = true;
			c->n_before = c->words.n;
			continue;
		}
		if (only_words || argv[i][0] != '-' || !argv[i][1]) {
			vec_push(&c->words, argv[i]);
			continue;
		}
		int code = take_option(c, argv, argc, &i);
		if (code >= 0)
			return code;
	}
	c->args = c->words.v;
	c->n_args = c->words.n;
	if (!only_words)
		c->n_before = c->n_args;
	return -1;
}

static int check_count(struct cli *c)
{
	unsigned least = c->command->least, most = MAX_OF(c->command->most, least);

	if (c->n_args < least)
		return cli_usage(c, "%s needs %s", c->command->name,
				 least == 1 ? "an argument" : "more arguments");
	if (c->n_args > most)
		return cli_usage(c,
				 most ? "%s: \"%s\" is too many" : "%s takes no arguments: \"%s\"",
				 c->command->name, c->args[most]);
	return -1;
}

static int run_command(struct cli *c, int argc, char **argv, int words)
{
	int code = parse(c, argc, argv, 1 + words);

	if (code >= 0 && !(c->given.n && cli_flag(c, "help")))
		return code;
	if (cli_flag(c, "help")) {
		help_one(&c->out, &c->term, c->command);
		return EXIT_GOOD;
	}
	c->json = cli_flag(c, "json");
	code = check_count(c);
	return code >= 0 ? code : c->command->run(c);
}

static bool is_help(const char *word)
{
	return streq(word, "--help") || streq(word, "-h") || streq(word, "help");
}

int cli_main(int argc, char **argv, const struct command *more, size_t n_more)
{
	struct tables tables = {more, n_more};
	struct cli c = {.out = STRBUF(OUT_MAX)};
	char version[] = "version";
	int code, words;

	term_init(&c.term, STDOUT_FILENO);
	/* `penstock help status` is `penstock status --help`. */
	if (argc > 2 && streq(argv[1], "help") &&
	    (words = find(&tables, argc - 1, argv + 1, &c.command))) {
		help_one(&c.out, &c.term, c.command);
		code = EXIT_GOOD;
	} else if (argc < 2 || is_help(argv[1])) {
		help_all(&c.out, &c.term, more, n_more);
		code = argc < 2 ? EXIT_USAGE : EXIT_GOOD;
	} else {
		if (streq(argv[1], "--version"))
			argv[1] = version;
		words = find(&tables, argc, argv, &c.command);
		code = words ? run_command(&c, argc, argv, words)
			     : say_unknown(&tables, argc, argv);
	}
	cli_flush(&c);
	strbuf_done(&c.out);
	vec_done(&c.given);
	vec_done(&c.words);
	xfree(c.data);
	xfree(c.socket);
	return code;
}
