/* Answers that are compressed on their way: small ones at once, large ones as the client takes them, a limited number at a time. */
#include "io/httpd_impl.h"

#include <zlib.h>

#include "base/mem.h"

#define BLOCK         ((size_t)16 << 10)
#define LEVEL         3
#define WINDOW        (15 + 16) /* with gzip's frame */
#define DEFLATING_MAX 64        /* each holds 256 KiB beside the answer */

struct deflating {
	struct httpd *h;
	z_stream z;
	char *body;
	bool over;
};

static void begin(z_stream *z, const char *p, size_t n)
{
	BUG_ON(deflateInit2(z, LEVEL, Z_DEFLATED, WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK);
	z->next_in = (unsigned char *)(uintptr_t)p;
	z->avail_in = (unsigned)n;
}

static ssize_t read_some(void *cls, uint64_t pos, char *to, size_t max)
{
	struct deflating *d = cls;

	(void)pos;
	if (d->over)
		return MHD_CONTENT_READER_END_OF_STREAM;
	d->z.next_out = (unsigned char *)to;
	d->z.avail_out = (unsigned)max;
	int said = deflate(&d->z, Z_FINISH);
	BUG_ON(said != Z_OK && said != Z_STREAM_END && said != Z_BUF_ERROR);
	d->over = said == Z_STREAM_END;
	return (ssize_t)(max - d->z.avail_out);
}

static void deflating_free(void *cls)
{
	struct deflating *d = cls;

	d->h->n_deflating--;
	(void)deflateEnd(&d->z);
	xfree(d->body);
	xfree(d);
}

struct MHD_Response *deflate_at_once(struct str body, uint64_t *ret_size)
{
	z_stream z = {0};

	begin(&z, body.p, body.n);
	size_t room = deflateBound(&z, body.n);
	char *out = xmalloc(room);
	z.next_out = (unsigned char *)out;
	z.avail_out = (unsigned)room;
	BUG_ON(deflate(&z, Z_FINISH) != Z_STREAM_END);
	size_t n = room - z.avail_out;
	(void)deflateEnd(&z);
	struct MHD_Response *response =
		MHD_create_response_from_buffer(n, out, MHD_RESPMEM_MUST_COPY);
	xfree(out);
	*ret_size = n;
	return response;
}

struct MHD_Response *deflate_later(struct httpd *h, struct str body)
{
	if (h->n_deflating >= DEFLATING_MAX || body.n > UINT32_MAX)
		return NULL;
	struct deflating *d = xcalloc(1, sizeof(*d));
	d->h = h;
	d->body = xmalloc(body.n);
	memcpy(d->body, body.p, body.n);
	begin(&d->z, d->body, body.n);
	h->n_deflating++;
	return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_some, d,
						 deflating_free);
}
