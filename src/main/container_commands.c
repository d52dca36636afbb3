#include "main/container_commands.h"

#include "flow/2-build/adapters.h"
#include "io/clock.h"
#include "io/files.h"
#include "secrets/adapters.h"

#include <unistd.h>

#define EVERY (200 * USEC_MS)

struct pull {
	struct cli *c;
	usec_t told;
	bool terminal;
};

static bool progress(void *ctx, const char *what, uint64_t have, uint64_t size)
{
	struct pull *p = ctx;
	AUTO(strbuf_done) struct strbuf line = STRBUF(256);
	usec_t now = clock_mono();

	if (!p->terminal || (now - p->told < EVERY && have < size))
		return true;
	p->told = now;
	strbuf_addf(&line, "\r%.19s  ", what);
	strbuf_add_size(&line, have);
	strbuf_adds(&line, " of ");
	strbuf_add_size(&line, size);
	strbuf_adds(&line, have == size ? "          \n" : "          ");
	fprintf(stderr, "%s", strbuf_cstr(&line));
	return true;
}

static enum rc open_images(struct cli *c, struct secret **ret_secret, struct image **ret,
			   struct err *err)
{
	enum rc rc = dir_make(cli_data(c), 0700, err);

	if (rc != RC_OK)
		return rc;
	*ret_secret = secret_file_new(cli_data(c));
	*ret = image_disk_new(cli_data(c), *ret_secret, err);
	return *ret ? RC_OK : err->rc;
}

static int image_pull_command(struct cli *c)
{
	struct pull p = {.c = c, .terminal = isatty(STDERR_FILENO)};
	const struct image_how how = {.progress = progress, .ctx = &p};
	AUTO(image_root_done) struct image_root root = {0};
	AUTO(freep) char *digest = NULL, *warning = NULL;
	struct secret *secret = NULL;
	struct image *images = NULL;
	struct err err = {0};

	enum rc rc = open_images(c, &secret, &images, &err);
	if (rc == RC_OK)
		rc = image_resolve(images, c->args[0], &digest, &warning, &err);
	if (rc == RC_OK && warning)
		fprintf(stderr, "penstock: %s\n", warning);
	if (rc == RC_OK)
		rc = image_pull(images, c->args[0], &how, &root, &err);
	if (rc == RC_OK && c->json) {
		struct json_out o = JSON_OUT(&c->out);
		json_open(&o, NULL);
		json_cstr(&o, "image", c->args[0]);
		json_cstr(&o, "digest", root.digest);
		json_cstr(&o, "path", root.path);
		json_close(&o);
		say(c, "\n");
	} else if (rc == RC_OK) {
		say(c, "%s  %s\n", root.digest, c->args[0]);
		hint(c, "write it into penstock.yml as %s@%s to stay with it", c->args[0],
		     root.digest);
	}
	image_free(images);
	secret_free(secret);
	return rc == RC_OK ? EXIT_GOOD : cli_fail(c, &err);
}

static int image_prune_command(struct cli *c)
{
	const char *text = cli_value(c, "keep");
	struct secret *secret = NULL;
	struct image *images = NULL;
	struct err err = {0};
	uint64_t max = 0, freed = 0;

	if (text && !parse_size(str_of(text), &max))
		return cli_usage(c, "--keep takes a size such as 10Gi, not \"%s\"", text);
	enum rc rc = open_images(c, &secret, &images, &err);
	if (rc == RC_OK)
		rc = image_prune(images, max, &freed, &err);
	if (rc == RC_OK) {
		AUTO(strbuf_done) struct strbuf size = STRBUF(64);
		strbuf_add_size(&size, freed);
		say(c, "%s freed\n", strbuf_cstr(&size));
	}
	image_free(images);
	secret_free(secret);
	return rc == RC_OK ? EXIT_GOOD : cli_fail(c, &err);
}

static const struct option prune_options[] = {
	{"keep", 0, "SIZE", "leave so much of what was used last (default: nothing unused)"},
	{0},
};
static const struct option shell_options[] = {
	{"secrets", 0, NULL, "with the job's secrets in the environment (they are shown unmasked)"},
	{0},
};

#define HERE "Work on a repository"

const struct command container_commands[] = {
	{.name = "shell",
	 .group = HERE,
	 .summary = "Open the kept sandbox of a failed job",
	 .usage = "[RUN] [JOB] [-- COMMAND...]",
	 .options = shell_options,
	 .examples = "penstock shell                        # which are kept\n"
		     "penstock shell 12 ci/orders/test      # a shell in it\n"
		     "penstock shell 12 test -- ls -l out   # one command\n",
	 .run = run_shell,
	 .least = 0,
	 .most = ANY},
	{.name = "image pull",
	 .group = HERE,
	 .summary = "Fetch an image that jobs use",
	 .usage = "IMAGE",
	 .examples = "penstock image pull debian:12\n"
		     "penstock image pull localhost:5000/ci/base@sha256:...\n"
		     "penstock image pull oci:/srv/images/base   # an OCI layout\n",
	 .run = image_pull_command,
	 .least = 1},
	{.name = "image prune",
	 .group = HERE,
	 .summary = "Remove images that no job used for a while",
	 .usage = "[--keep SIZE]",
	 .options = prune_options,
	 .examples = "penstock image prune --keep 10Gi\n",
	 .run = image_prune_command},
};
const size_t n_container_commands = ARRAY_LEN(container_commands);
