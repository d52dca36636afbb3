/* What was ordered, on disk: state.json is the truth, haproxy.cfg and the maps are made from it. */
#include "flow/5-deploy/route_haproxy.h"
#include "base/json.h"
#include "io/files.h"

static const struct shape_field image_fields[] = {SHAPE_STR(struct split_image, image),
						  SHAPE_U32(struct split_image, role)};
static const struct shape shape_image = SHAPE(struct split_image, image_fields);
static const struct shape_field server_fields[] = {
	SHAPE_STR(struct split_server, image), SHAPE_U32(struct split_server, index),
	SHAPE_STR(struct split_server, address), SHAPE_U32(struct split_server, port),
	SHAPE_BOOL(struct split_server, ready)};
static const struct shape shape_server = SHAPE(struct split_server, server_fields);
static const struct shape_field service_fields[] = {
	SHAPE_STR(struct split_service, environment),
	SHAPE_STR(struct split_service, unit),
	SHAPE_U32(struct split_service, port),
	SHAPE_STR(struct split_service, image),
	SHAPE_REAL(struct split_service, share),
	SHAPE_LIST(struct split_service, images, shape_image),
	SHAPE_LIST(struct split_service, servers, shape_server)};
static const struct shape shape_service = SHAPE(struct split_service, service_fields);
static const struct shape_field state_fields[] = {
	SHAPE_LIST(struct split_state, services, shape_service)};
const struct shape shape_split_state = SHAPE(struct split_state, state_fields);

struct split_service *split_find(struct split_state *st, const char *environment, const char *unit)
{
	vec_each(s, &st->services)
		if (streq(s->environment, environment) && streq(s->unit, unit))
			return s;
	return NULL;
}

void split_server_name(const struct split_server *v, char ret[SPLIT_NAME])
{
	(void)snprintf(ret, SPLIT_NAME, "%u.%s", v->index, v->image);
}

bool split_name_read(struct str name, uint32_t *ret_index, struct str *ret_image)
{
	struct str rest = name, number = str_cut(&rest, '.');

	if (!rest.p || rest.n == 0 || rest.n > 160 || !parse_u32(number, ret_index))
		return false;
	*ret_image = rest;
	return true;
}

/* A file that somebody damaged must not stop traffic: HAProxy goes on with what it has, and
 * orders come again. */
enum rc split_load(struct route_haproxy *h, struct err *err)
{
	char *path AUTO(freep) = xasprintf("%s/state.json", h->dir);
	struct strbuf text AUTO(strbuf_done) = STRBUF(SPLIT_REPLY);
	enum rc rc = file_read(path, SPLIT_REPLY, &text, err);

	if (rc == RC_NOT_FOUND)
		return err_clear(err);
	if (rc != RC_OK)
		return rc;
	if (shape_parse(strbuf_str(&text), SPLIT_REPLY, &shape_split_state, &h->state, err) !=
	    RC_OK)
		return err_set(err, RC_CORRUPT,
			       "%s is damaged (%.200s): remove it; services are routed again then",
			       path, err->msg);
	vec_each(s, &h->state.services) {
		split_share(s);
		vec_each(v, &s->servers)
			v->failed = UINT64_MAX;
	}
	return RC_OK;
}

static enum rc save_map(struct route_haproxy *h, const struct split_service *s, struct err *err)
{
	char *path AUTO(freep) = xasprintf("%s/maps/%s:%s", h->dir, s->environment, s->unit);
	struct strbuf text AUTO(strbuf_done) = STRBUF(SPLIT_REPLY);

	for (uint32_t i = 0; i < SPLIT_SLOTS; i++)
		split_map_line(s, i, &text);
	return file_write_fast(path, strbuf_str(&text), 0600, err);
}

void split_map_line(const struct split_service *s, uint32_t slot, struct strbuf *to)
{
	uint32_t below = 0;

	vec_each(v, &s->servers) {
		below += v->slots;
		if (slot < below) {
			strbuf_addf(to, "%u %u.%s\n", slot, v->index, v->image);
			return;
		}
	}
}

static void head(struct strbuf *b)
{
	strbuf_addf(
		b,
		"# Written by penstock from state.json: do not edit.\n"
		"global\n"
		"\tstats socket unix@admin.sock mode 600 level admin expose-fd listeners\n"
		"\tstats timeout 1m\n"
		"\tmaxconn 4000\n"
		"\tnbthread 1\n"
		/* Two installations on one port must fail, not share its requests. */
		"\tnoreuseport\n"
		"\thard-stop-after 10s\n"
		"\tlog ring@facts format raw local0\n"
		"ring facts\n"
		"\tformat raw\n"
		"\tmaxlen 1024\n"
		"\tsize %u\n"
		"\ttimeout connect 5s\n"
		"\ttimeout server 1h\n"
		/* A pair of sockets that split_launch() passes on: the ring would ask for a path without any pause, once
		     * the data folder is gone. */
		"\tserver relay sockpair@3\n"
		"listen facts-relay\n"
		"\tmode tcp\n"
		"\tbind sockpair@4\n"
		/* The pause between two tries while nobody listens. */
		"\ttcp-request inspect-delay 300ms\n"
		"\ttcp-request content accept if WAIT_END\n"
		"\ttimeout connect 1s\n"
		"\ttimeout client 1h\n"
		"\ttimeout server 1h\n"
		"\tretries 0\n"
		"\tserver engine unix@facts.sock\n"
		"defaults\n"
		"\tmode http\n"
		"\tmaxconn 4000\n"
		"\ttimeout connect 1s\n"
		"\ttimeout queue 1s\n"
		"\ttimeout client 1m\n"
		"\ttimeout server 1m\n"
		"\ttimeout http-request 30s\n"
		"\ttimeout http-keep-alive 1m\n"
		"\toption redispatch 1\n"
		"\tretries 2\n"
		"\tretry-on conn-failure empty-response\n",
		SPLIT_LINES);
}

static void service(const struct split_service *s, struct strbuf *b)
{
	const char *e = s->environment, *u = s->unit;

	strbuf_addf(b,
		    "frontend front:%s:%s\n" /* `show stat NAME` finds a frontend first */
		    "\tbind 127.0.0.1:%u\n"
		    "\tlog global\n"
		    "\tlog-format \"%s\"\n"
		    "\thttp-request set-var(txn.begin) date(0,us)\n"
		    /* What may have had an effect is not sent twice. */
		    "\thttp-request disable-l7-retry if !{ method GET HEAD OPTIONS PUT DELETE }\n"
		    "\tdefault_backend %s:%s\n"
		    "backend %s:%s\n"
		    "\tbalance random(1)\n"
		    "\tuse-server %%[rand(%d),map(maps/%s:%s)] if TRUE\n",
		    e, u, s->port, SPLIT_LOG_FORMAT, e, u, e, u, SPLIT_SLOTS, e, u);
	vec_each(v, &s->servers)
		strbuf_addf(b, "\tserver %u.%s %s:%u weight %u " SPLIT_SERVER "\n", v->index,
			    v->image, v->address, v->port, split_weight(s, v));
}

enum rc split_configure(struct route_haproxy *h, struct err *err)
{
	char *path AUTO(freep) = xasprintf("%s/haproxy.cfg", h->dir);
	struct strbuf b AUTO(strbuf_done) = STRBUF(SPLIT_REPLY);

	head(&b);
	vec_each(s, &h->state.services) {
		service(s, &b);
		if (save_map(h, s, err) != RC_OK)
			return err->rc;
	}
	if (strbuf_failed(&b))
		return err_set(err, RC_TOO_BIG, "the splitter's configuration is above %zu bytes",
			       SPLIT_REPLY);
	return file_write_fast(path, strbuf_str(&b), 0600, err);
}

enum rc split_save(struct route_haproxy *h, struct err *err)
{
	char *path AUTO(freep) = xasprintf("%s/state.json", h->dir);
	struct strbuf b AUTO(strbuf_done) = STRBUF(SPLIT_REPLY);
	struct json_out o = JSON_OUT(&b);

	shape_write(&o, NULL, &shape_split_state, &h->state);
	strbuf_addc(&b, '\n');
	if (strbuf_failed(&b))
		return err_set(err, RC_TOO_BIG, "the splitter's state is above %zu bytes",
			       SPLIT_REPLY);
	return file_write_fast(path, strbuf_str(&b), 0600, err);
}
