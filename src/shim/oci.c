/* config.json for the container runtime: the environment is added in memory, so that secrets never
 * stand on a disk. */
#include "shim/replica.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#define CONFIG_MAX ((size_t)4 << 20)

static void write_env(struct json_out *o, const struct json *given, const shim_texts *env)
{
	json_list(o, "env");
	for (size_t i = 0; i < json_count(given); i++)
		json_str(o, NULL, json_view(json_at(given, i)));
	for (size_t i = 0; i < env->n; i++)
		json_cstr(o, NULL, env->v[i]);
	json_unlist(o);
}

static void write_process(struct json_out *o, const struct json *process, const shim_texts *env)
{
	void *cursor = NULL;
	const char *key;
	const struct json *value;

	json_open(o, "process");
	while (json_next(process, &cursor, &key, &value))
		if (!streq(key, "env"))
			json_write(o, key, value);
	write_env(o, json_get(process, "env"), env);
	json_close(o);
}

static enum rc to_memory(const struct strbuf *text, int *ret_fd, struct err *err)
{
	AUTO(fd_drop) int fd = memfd_create("config.json", MFD_CLOEXEC);

	if (fd < 0)
		return err_errno(err, errno, "memfd_create");
	enum rc rc = write_all(fd, text->p, text->n, err);
	if (rc != RC_OK)
		return rc;
	lseek(fd, 0, SEEK_SET);
	*ret_fd = fd;
	fd = -1;
	return RC_OK;
}

enum rc oci_config(const char *config, const shim_texts *env, int *ret_fd, struct err *err)
{
	AUTO(json_freep) struct json *root = NULL;
	AUTO(strbuf_done) struct strbuf text = STRBUF(CONFIG_MAX * 2);
	struct json_out o = JSON_OUT(&text);
	void *cursor = NULL;
	const char *key;
	const struct json *value;

	enum rc rc = json_read(str_of(config), CONFIG_MAX, &root, err);
	if (rc != RC_OK)
		return err_wrap(err, "the container's config");
	json_open(&o, NULL);
	while (json_next(root, &cursor, &key, &value)) {
		if (streq(key, "process"))
			write_process(&o, value, env);
		else
			json_write(&o, key, value);
	}
	json_close(&o);
	if (strbuf_failed(&text))
		return err_set(err, RC_TOO_BIG, "the container's config is too big");
	rc = to_memory(&text, ret_fd, err);
	mem_wipe(text.p, text.n);
	return rc;
}
