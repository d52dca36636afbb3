/* Requests that are looked at before their body: who takes them, and bodies that are taken piece by piece. */
#include "io/httpd_impl.h"

void httpd_add_taker(struct httpd *h, bool (*take)(void *ctx, struct request *r), void *ctx)
{
	vec_push(&h->takers, ((struct taker){take, ctx}));
}

/* A taker that took a request without a body may answer it later: it holds it as a handler does. */
bool takers_ask(struct request *r)
{
	peer_identify(r);
	request_hold(r);
	vec_each(t, &r->h->takers) {
		if (!t->take(t->ctx, r))
			continue;
		r->conn->busy = true;
		r->dispatched = !r->body_ops && !r->whole;
		return true;
	}
	request_unhold(r);
	return false;
}

void request_take_body(struct request *r, const struct body_ops *ops, void *ctx)
{
	BUG_ON(r->body_ops || r->whole || r->answered);
	r->body_ops = ops;
	r->body_ctx = ctx;
}

void request_take_whole(struct request *r, void (*fn)(void *ctx, struct request *r), void *ctx)
{
	BUG_ON(r->body_ops || r->whole || r->answered);
	r->whole = fn;
	r->body_ctx = ctx;
}

/* Before its end the server stops: the client hears of it by a closed connection. */
enum MHD_Result body_piece(struct request *r, const char *upload, size_t *upload_size)
{
	if (r->h->ending && r->body_ops)
		return MHD_NO;
	if (r->answered || r->drop) {
		*upload_size = 0;
		return MHD_YES;
	}
	if (!r->body_ops) {
		strbuf_add(&r->body, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	size_t n = r->body_ops->piece(r->body_ctx, r, (struct str){upload, *upload_size});
	if (r->answered)
		n = *upload_size;
	*upload_size -= n;
	if (*upload_size) {
		r->suspended = true;
		MHD_suspend_connection(r->mhd);
	}
	return MHD_YES;
}

void request_more(struct request *r)
{
	if (!r->suspended || !r->mhd)
		return;
	r->suspended = false;
	MHD_resume_connection(r->mhd);
	httpd_kick(r->h);
}

void body_gone(struct request *r)
{
	if (r->body_ops)
		r->body_ops->gone(r->body_ctx);
}
