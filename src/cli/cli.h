/*
 * Commands: one table (commands.c), from which parsing, --help and "did you mean" come. A command is one file cmd_<name>.c with one struct
 * command; those that need adapters live beside main and are handed to cli_main() as a second table.
 */
#pragma once
#include "base/json.h"
#include "base/mem.h"
#include "base/vec.h"
#include "cli/term.h"

#define EXIT_GOOD        0
#define EXIT_WORK        1 /* the work failed, or was refused */
#define EXIT_USAGE       2 /* usage or configuration */
#define EXIT_ENVIRONMENT 3 /* the daemon, the machine, the disk, the rights */

struct option {
	const char *name;  /* "follow": --follow */
	char letter;       /* 'f': -f; 0: none */
	const char *value; /* "N": --limit N or --limit=N; NULL: a flag */
	const char *help;
};
struct cli;
struct command {
	const char *name;  /* "status"; two words are fine: "incident show" */
	const char *group; /* heading in `penstock --help`; NULL: not listed there */
	const char *summary;
	const char *usage; /* arguments: "RELEASE [-m TEXT]" */
	const struct option *
		options; /* its own, up to a NULL name; NULL: none. --json, --data ... are every command's */
	const char *examples; /* lines, each "penstock ...  # what it does" */
	int (*run)(struct cli *c);
	unsigned least, most; /* number of arguments; most 0: least; ANY: no limit */
};
#define ANY 1000

struct given {
	const struct option *option;
	const char *value;
};
struct cli {
	const struct command *command;
	const char *const *args;
	size_t n_args, n_before; /* n_before: those before "--" */
	struct term term;        /* of stdout */
	struct strbuf out;       /* printed when the command returns; cli_flush() before */
	bool json;
	/* inside */
	VEC(struct given) given;
	VEC(const char *) words;
	char *data, *socket;
};

/* All of penstock but the wiring: finds the command here or in `more`, parses, runs. The exit code. */
int cli_main(int argc, char **argv, const struct command *more, size_t n_more);

bool cli_flag(const struct cli *c, const char *option);
const char *cli_value(const struct cli *c, const char *option); /* the last one given; NULL: none */
const char *cli_value_at(const struct cli *c, const char *option,
			 size_t i); /* for options that may be repeated */
/* A whole number; false: it was told what is wrong (return EXIT_USAGE). */
MUST_CHECK bool cli_number(struct cli *c, const char *option, uint64_t otherwise, uint64_t *ret);

/* One line on stderr, "penstock: ..."; the exit code that fits. */
int cli_fail(struct cli *c, const struct err *err);
int cli_usage(struct cli *c, const char *fmt, ...) PRINTF(2, 3);
/* Append to the output. */
void say(struct cli *c, const char *fmt, ...) PRINTF(2, 3);
/* What one could do next; only for people at a terminal. */
void hint(struct cli *c, const char *fmt, ...) PRINTF(2, 3);
void cli_flush(struct cli *c);

/* --data, $PENSTOCK_DATA, ./.penstock, /var/lib/penstock for root, else ~/.local/share/penstock. */
const char *cli_data(struct cli *c);

/* help.c */
void help_all(struct strbuf *to, const struct term *t, const struct command *more, size_t n_more);
void help_one(struct strbuf *to, const struct term *t, const struct command *cmd);
/* commands.c */
extern const struct command *const commands[];
extern const size_t n_commands;
extern const struct option common_options[];
