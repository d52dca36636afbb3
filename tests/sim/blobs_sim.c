/* The store of blobs and results as the engine sees it: the memory's, with a look at every result that is kept. */
#include "sim.h"

#define BEHIND(ptr) (container_of(ptr, struct sim, wrap.blobs)->blobs)

static enum rc put(struct blobs *x, struct str bytes, char ret_hex[DIGEST_HEX + 1], struct err *err)
{
	return blobs_put(BEHIND(x), bytes, ret_hex, err);
}

static enum rc put_file(struct blobs *x, const char *path, char ret_hex[DIGEST_HEX + 1],
			uint64_t *ret_size, struct err *err)
{
	return blobs_put_file(BEHIND(x), path, ret_hex, ret_size, err);
}

static enum rc get(struct blobs *x, const char *hex, size_t max, struct strbuf *ret,
		   struct err *err)
{
	return blobs_get(BEHIND(x), hex, max, ret, err);
}

static enum rc get_file(struct blobs *x, const char *hex, const char *path, unsigned mode,
			struct err *err)
{
	return blobs_get_file(BEHIND(x), hex, path, mode, err);
}

static enum rc open_blob(struct blobs *x, const char *hex, int *ret_fd, struct err *err)
{
	return blobs_open(BEHIND(x), hex, ret_fd, err);
}

static bool has(struct blobs *x, const char *hex)
{
	return blobs_has(BEHIND(x), hex);
}

static enum rc put_result(struct blobs *x, const struct result *r, struct err *err)
{
	struct sim *s = container_of(x, struct sim, wrap.blobs);

	check_ci_kept(s, r);
	return blobs_put_result(s->blobs, r, err);
}

static enum rc get_result(struct blobs *x, const char *key, struct result *ret, struct err *err)
{
	return blobs_get_result(BEHIND(x), key, ret, err);
}

static enum rc share_file(struct blobs *x, const char *hex, const char *path, bool exec,
			  struct err *err)
{
	return blobs_share_file(BEHIND(x), hex, path, exec, err);
}

static void nothing_blobs(struct blobs *x)
{
	(void)x;
}

const struct blobs_ops blobs_sim_ops = {.name = "sim",
					.put = put,
					.put_file = put_file,
					.get = get,
					.get_file = get_file,
					.share_file = share_file,
					.open = open_blob,
					.has = has,
					.put_result = put_result,
					.get_result = get_result,
					.free = nothing_blobs};
