/* penstock status: where everything stands, once or live. */
#include "cli/commands.h"
#include "cli/view.h"

#include <signal.h>
#include <unistd.h>

#include "api/wire.h"
#include "io/clock.h"

#define EVERY (500 * USEC_MS)

static volatile sig_atomic_t stopped;

static void on_interrupt(int number)
{
	(void)number;
	stopped = 1;
}

/* The front lines that fit the window, each cut at its edge and cleared behind. Returns how many. */
static unsigned fit(struct strbuf *to, const struct term *t, struct str frame)
{
	unsigned lines = 0;

	while (frame.p && frame.n && lines + 1 < t->height) {
		struct str line = text_cut(str_cut(&frame, '\n'), t->width);

		strbuf_addstr(to, line);
		strbuf_adds(to, "\033[0m\033[K\n");
		lines++;
	}
	strbuf_adds(to, "\033[J");
	return lines;
}

static void draw(struct cli *c, struct str frame, unsigned *lines)
{
	if (!c->term.tty) {
		strbuf_addstr(&c->out, frame);
		say(c, "\n");
	} else {
		term_init(&c->term, STDOUT_FILENO); /* the window may have changed */
		if (*lines)
			say(c, "\033[%uA", *lines);
		say(c, "\r");
		*lines = fit(&c->out, &c->term, frame);
	}
	cli_flush(c);
}

/* On a terminal in place; else again whenever something is different. */
static int watch(struct cli *c)
{
	AUTO(strbuf_done)
	struct strbuf frame = STRBUF((size_t)16 << 20), last = STRBUF((size_t)16 << 20);
	struct sigaction action = {.sa_handler = on_interrupt};
	struct err err = {0};
	unsigned lines = 0;
	uint64_t seq = UINT64_MAX;
	int code = EXIT_GOOD;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	while (!stopped) {
		AUTO(json_freep) struct json *j = NULL;

		strbuf_clear(&frame);
		if (client_get(c, WIRE_STATUS, &j, &err) != RC_OK) {
			if (!c->term.tty) {
				code = cli_fail(c, &err);
				break;
			}
			strbuf_addstr(&frame, strbuf_str(&last));
			tint(&frame, &c->term, BAD, "\n%s\n", err.msg);
			seq = UINT64_MAX;
		} else if (c->term.tty || number_at(j, "seq") != seq) {
			view_status(&frame, &c->term, j);
			seq = number_at(j, "seq");
			strbuf_clear(&last);
			strbuf_addstr(&last, strbuf_str(&frame));
		}
		if (frame.n)
			draw(c, strbuf_str(&frame), &lines);
		clock_sleep(EVERY);
	}
	return code;
}

static int watch_json(struct cli *c)
{
	struct err err = {0};
	uint64_t seq = UINT64_MAX;

	for (;;) {
		AUTO(strbuf_done) struct strbuf text = STRBUF(ANSWER_MAX);
		AUTO(json_freep) struct json *j = NULL;

		if (client_get_text(c, WIRE_STATUS, &text, &err) != RC_OK ||
		    json_read(strbuf_str(&text), ANSWER_MAX, &j, &err) != RC_OK)
			return cli_fail(c, &err);
		if (number_at(j, "seq") != seq)
			strbuf_addstr(&c->out, strbuf_str(&text));
		seq = number_at(j, "seq");
		cli_flush(c);
		clock_sleep(EVERY);
	}
}

static void add_doors(struct cli *c)
{
	AUTO(json_freep) struct json *j = NULL;
	struct err err = {0};
	struct table t;

	if (client_get(c, WIRE_DOORS, &j, &err) != RC_OK || !json_count(json_get(j, "doors")))
		return;
	say(c, "\n");
	table_init(&t, "ENVIRONMENT|SERVICE|REACHED AT", 3);
	for (size_t i = 0; i < json_count(json_get(j, "doors")); i++) {
		const struct json *door = json_at(json_get(j, "doors"), i);

		table_add(&t, PLAIN, "%s", text_at(door, "environment"));
		table_add(&t, PLAIN, "%s", text_at(door, "unit"));
		table_add(&t, PLAIN, "%s", text_at(door, "url"));
	}
	table_print(&t, &c->term, 2, &c->out);
}

static void draw_once(struct cli *c, const struct json *j)
{
	view_status(&c->out, &c->term, j);
	add_doors(c);
}

static int run(struct cli *c)
{
	if (cli_flag(c, "watch"))
		return c->json ? watch_json(c) : watch(c);
	return client_show(c, WIRE_STATUS, draw_once);
}

static const struct option options[] = {{"watch", 'w', NULL, "go on, redrawing in place"}, {0}};

const struct command cmd_status = {
	.name = "status",
	.group = GROUP_SEE,
	.summary = "Where every run, release and environment stands",
	.usage = "[-w]",
	.options = options,
	.examples = "penstock status             # once\n"
		    "penstock status -w          # live, until Ctrl-C\n"
		    "penstock status --json | jq '.rollouts[] | {unit, state, confirmed}'",
	.run = run,
};
